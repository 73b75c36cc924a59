package io.sluice.server.records;

import io.sluice.batching.Timeline;
import io.sluice.batching.TokenStream;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// What a request said and was answered, as tokens. A value; the arrays must not be changed.
///
/// @param prompts one for each
/// @param outputs one for each choice
public record Contents(List<int[]> prompts, List<int[]> outputs) {
    public static final Contents NONE = new Contents(List.of(), List.of());

    static Contents of(List<Timeline> timelines, List<TokenStream> streams) {
        return new Contents(
                timelines.stream().map(timeline -> timeline.request().prompt()).toList(),
                streams.stream().map(Contents::tokens).toList());
    }

    /// That the tokens take.
    public long bytes() {
        return Stream.concat(prompts.stream(), outputs.stream())
                .mapToLong(ids -> (long) ids.length * Integer.BYTES)
                .sum();
    }

    private static int[] tokens(TokenStream stream) {
        return IntStream.range(0, stream.count()).map(stream::token).toArray();
    }
}

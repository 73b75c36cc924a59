package io.sluice.server.openai;

import io.sluice.server.generation.Generation;
import java.time.Duration;
import java.util.List;

/// Streams that can be come back to, of which one at a time is kept.
public final class OnePlace {
    private static final String OWNER = "owner";

    private final ResumableStreams streams = new ResumableStreams(1, Duration.ofHours(1));

    /// Takes the place with a stream, and tells its client the end at once.
    public void deliver(Generation generation) throws InterruptedException {
        AnswerFormat format = new CompletionFormat(
                new AnswerHead("cmpl-1", 1, "test-model", null),
                new CompletionFormat.Asked(-1, -1),
                StreamOptions.NONE,
                List.of());
        try (ResumableStreams.Place place = streams.reserve(OWNER)) {
            ResumableStream stream = place.keep(generation, new Streaming.Shape(format, true));
            ResumableStream.Reader reader =
                    stream.takeOver(generation.reading(), () -> {}).orElseThrow();
            stream.leave(reader, true);
        }
    }

    /// Takes the place, for which a stream that was delivered makes room.
    public void take() {
        streams.reserve(OWNER).close();
    }
}

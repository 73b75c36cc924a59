package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Mix;
import io.sluice.benchmarks.traffic.Trace;
import io.sluice.benchmarks.traffic.TraceRow;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// What is sent, one request after the other, each with its moment. One thread.
final class Asks implements Iterator<Ask> {
    private final long seed;
    private final Keyring keys;
    private final Source source;
    private final SplittableRandom random;
    private int count;
    private double atNs;

    private Asks(long seed, Keyring keys, Source source) {
        this.seed = seed;
        this.keys = keys;
        this.source = source;
        random = new SplittableRandom(seed);
    }

    /// Where lengths and moments come from.
    private sealed interface Source {

        /// Lengths drawn one by one; moments from gaps, or none.
        record Drawn(@Nullable ArrivalGaps gaps, Lengths prompt, Lengths output, int requests) implements Source {}

        /// The rows of a trace, at their moments.
        record Replayed(List<TraceRow> rows) implements Source {}
    }

    /// An open loop.
    static Asks open(long seed, Keyring keys, ArrivalGaps gaps, Lengths prompt, Lengths output, int requests) {
        return new Asks(seed, keys, new Source.Drawn(gaps, prompt, output, requests));
    }

    /// A closed loop: whoever is done sends the next.
    static Asks closed(long seed, Keyring keys, Lengths prompt, Lengths output, int requests) {
        return new Asks(seed, keys, new Source.Drawn(null, prompt, output, requests));
    }

    /// A trace. Prompts begin alike where its hash ids say so.
    static Asks replayed(long seed, Keyring keys, Trace trace) {
        return new Asks(seed, keys, new Source.Replayed(trace.rows()));
    }

    @Override
    public boolean hasNext() {
        return switch (source) {
            case Source.Drawn drawn -> count < drawn.requests();
            case Source.Replayed(var rows) -> count < rows.size();
        };
    }

    @Override
    public Ask next() {
        if (!hasNext()) throw new NoSuchElementException("all requests were sent");
        int index = count++;
        Key key = keys.draw(random);
        long unique = Mix.of(seed, 1, index);
        return switch (source) {
            case Source.Drawn drawn -> {
                if (drawn.gaps() != null) atNs += drawn.gaps().drawNs(random);
                int prompt = drawn.prompt().draw(random);
                int output = drawn.output().draw(random);
                yield new Ask(index, (long) atNs, key, prompt, output, PromptText.unique(unique, prompt));
            }
            case Source.Replayed(var rows) -> {
                TraceRow row = rows.get(index);
                PromptText prompt = row.hashIds().isEmpty()
                        ? PromptText.unique(unique, row.promptTokens())
                        : new PromptText(
                                row.hashIds().stream().map(Integer::longValue).toList(), row.promptTokens());
                yield new Ask(index, row.arrivalNs(), key, row.promptTokens(), row.outputTokens(), prompt);
            }
        };
    }
}

package io.sluice.batching;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// A token's way from the engine to its reader. `publish`: the engine's part alone, nobody waits. `handOff`: published,
/// and taken by a virtual thread that was asleep; the engine waits until it says so, which is the time to the reader's
/// next call and not that of a switch back.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class TokenStreamBenchmark {
    private static final int TOKENS = 1 << 16;

    private final StepResult result = new StepResult(1);
    private TokenStream stream = fresh();
    private int count;

    private static TokenStream fresh() {
        return new TokenStream(TOKENS, SamplingParams.NO_LOGPROBS, () -> {});
    }

    @Benchmark
    public int publish() {
        if (stream.count() == TOKENS) stream = fresh();
        stream.append(count++, result, 0, 0);
        stream.wake();
        return count;
    }

    /// A stream that somebody reads until it ends.
    @State(Scope.Thread)
    public static class Read {
        private TokenStream stream = fresh();
        private @Nullable Thread reader;

        @Setup(Level.Iteration)
        public void start() {
            next();
        }

        private void next() {
            TokenStream read = fresh();
            stream = read;
            reader = Thread.ofVirtual().start(() -> {
                int seen = 0;
                try {
                    while (read.ending().isEmpty()) seen = read.await(seen, Duration.ofSeconds(10));
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
        }

        private void end() throws InterruptedException {
            stream.end(new TokenStream.Ending(FinishReason.LENGTH, "", 1, 0, stream.count()));
            stream.wake();
            Thread last = Invariant.present(reader, "a stream has a reader");
            last.join();
        }

        @TearDown(Level.Iteration)
        public void stop() throws InterruptedException {
            end();
        }
    }

    @Benchmark
    public int handOff(Read read) throws InterruptedException {
        if (read.stream.count() == TOKENS) {
            read.end();
            read.next();
        }
        read.stream.append(1, result, 0, 0);
        read.stream.wake();
        while (read.stream.lag() > 0) Thread.onSpinWait();
        return read.stream.count();
    }
}

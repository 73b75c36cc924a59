package io.sluice.benchmarks;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.batching.TokenStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// What the engine itself costs in each step: plan, apply, statistics, one reader woken, on a device that answers at
/// once. One operation is one step; each request's arrival and end is shared out over its steps.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class PlanApplyBenchmark {
    private static final int STEPS = 512;
    private static final int VOCABULARY = 32_000;

    /// Sequences that run at the same time.
    @Param({"1", "32", "256"})
    public int running = 1;

    /// Tokens of each prompt.
    @Param({"512", "4096"})
    public int promptLength = 512;

    private @Nullable Engine engine;
    private final int[] prompt = new int[4096];

    @Setup
    public void start() {
        int contextMax = promptLength + STEPS;
        int blockSize = 16;
        int blockCount = 256 * Math.ceilDiv(contextMax, blockSize);
        var limits = new ModelLimits(blockCount, blockSize, contextMax, 256 * 4096, 256, VOCABULARY, 0);
        engine = Engine.start("benchmark", new EngineSettings(256, true, 4096), () -> new InstantRunner(limits));
    }

    @Benchmark
    @OperationsPerInvocation(STEPS)
    public int steps() throws InterruptedException {
        var streams = new ArrayList<TokenStream>();
        for (int i = 0; i < running; i++) streams.addAll(submit("request-" + i));
        int tokens = 0;
        for (TokenStream stream : streams) tokens += read(stream);
        if (tokens != running * STEPS) throw new AssertionError(tokens + " tokens arrived");
        return tokens;
    }

    private List<TokenStream> submit(String id) {
        var request = new GenerationRequest(
                id,
                Arrays.copyOf(prompt, promptLength),
                STEPS,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
        Admission answer = Objects.requireNonNull(engine).submit(request);
        if (answer instanceof Admission.Admitted(var streams, var _)) return streams;
        throw new AssertionError(answer);
    }

    private static int read(TokenStream stream) throws InterruptedException {
        while (stream.ending().isEmpty()) stream.await(STEPS - 1, Duration.ofSeconds(30));
        return stream.count();
    }

    @TearDown
    public void stop() {
        if (engine != null) engine.close();
    }

    /// A device on which every step is free.
    private record InstantRunner(ModelLimits limits, StepResult result) implements ModelRunner {
        InstantRunner(ModelLimits limits) {
            this(limits, new StepResult(limits.sequencesMax()));
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            return () -> {
                for (int slice = 0; slice < plan.sliceCount(); slice++) {
                    if (plan.samples(slice)) result.set(slice, plan.firstPosition(slice) % VOCABULARY, 0f);
                }
                return result;
            };
        }

        @Override
        public void close() {}
    }
}

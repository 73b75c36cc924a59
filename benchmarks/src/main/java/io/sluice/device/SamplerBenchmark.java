package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// One token chosen from logits over 128,256 tokens, with a history of 4,096 where penalties want it.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class SamplerBenchmark {
    private static final int VOCABULARY = 128_256;
    private static final int CONTEXT = 4096;

    @Param({"GREEDY", "TEMPERATURE", "TOP_P", "TOP_K", "MIN_P", "PENALTIES", "LOGPROBS"})
    public String sampling = "TOP_P";

    private final Sampler sampler = new Sampler(VOCABULARY);
    private final StepResult result = new StepResult(1);
    private final MemorySegment logits = Arena.global().allocate(JAVA_FLOAT, VOCABULARY);
    private @Nullable StepPlan plan;

    @Setup
    public void prepare() {
        var random = new Random(1);
        for (int i = 0; i < VOCABULARY; i++) {
            logits.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian() * 3);
        }
        int[] tokens = random.ints(CONTEXT, 0, VOCABULARY).toArray();
        var limits = new ModelLimits(512, 16, CONTEXT, CONTEXT, 1, VOCABULARY, 0);
        StepPlan made = new StepPlan(limits);
        made.add(tokens, CONTEXT - 1, 1, new int[CONTEXT / 16], CONTEXT / 16);
        made.sample(params(), tokens, CONTEXT / 2, new int[0]);
        plan = made;
    }

    private SamplingParams params() {
        return switch (sampling) {
            case "GREEDY" -> params(0, 1, 0, 0, 0, SamplingParams.NO_LOGPROBS);
            case "TEMPERATURE" -> params(1, 1, 0, 0, 0, SamplingParams.NO_LOGPROBS);
            case "TOP_P" -> params(0.8f, 0.95f, 0, 0, 0, SamplingParams.NO_LOGPROBS);
            case "TOP_K" -> params(0.8f, 1, 40, 0, 0, SamplingParams.NO_LOGPROBS);
            case "MIN_P" -> params(0.8f, 1, 0, 0.05f, 0, SamplingParams.NO_LOGPROBS);
            case "PENALTIES" -> params(0.8f, 0.95f, 0, 0, 0.5f, SamplingParams.NO_LOGPROBS);
            case "LOGPROBS" -> params(0.8f, 0.95f, 0, 0, 0, 20);
            default -> throw new IllegalArgumentException(sampling);
        };
    }

    private static SamplingParams params(
            float temperature, float topP, int topK, float minP, float penalty, int topLogprobs) {
        return new SamplingParams(temperature, topP, topK, minP, 1, penalty, penalty, 1f, 0, Map.of(), topLogprobs);
    }

    @Benchmark
    public int sample() {
        sampler.sample(Objects.requireNonNull(plan), 0, 0, logits, result);
        return result.token(0);
    }
}

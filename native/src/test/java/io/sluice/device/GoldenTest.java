package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepResult;
import io.sluice.device.GoldenCases.Case;
import io.sluice.device.GoldenCases.Scored;
import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.modelstore.ModelFiles;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// SmolLM2-135M-Instruct on our runners against Hugging Face transformers in float32.
@EnabledIfEnvironmentVariable(named = "SLUICE_SHARED", matches = ".+")
class GoldenTest {
    private static final SamplingParams GREEDY_TOP5 = new SamplingParams(0f, 1f, 0, 0f, 0L, 0f, 0f, 1f, 0, Map.of(), 5);

    private static List<Case> cases = List.of();
    private static ModelFiles model;

    @BeforeAll
    static void open() {
        cases = GoldenCases.load();
        model = GoldenCases.openModel();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"REFERENCE", "FAST_FLOAT32", "LIBTORCH_FLOAT32"})
    void promptLogProbabilitiesAreTheIndependentOnes(RunnerKind kind) {
        try (LogitsRunner runner = open(kind)) {
            for (Case golden : cases) {
                double[] ours = promptLogprobs(runner, golden);
                for (int k = 0; k < ours.length; k++) {
                    assertThat(ours[k])
                            .as("%s, token %d of \"...%s\"", kind, k + 1, golden)
                            .isCloseTo(golden.promptLogprobs()[k], offset(0.01));
                }
            }
        }
    }

    /// All prompts together, in chunks, so that slices of every length meet in one step.
    @ParameterizedTest
    @EnumSource(names = {"REFERENCE", "FAST_FLOAT32", "LIBTORCH_FLOAT32"})
    void greedyContinuationsEqualTheIndependentOnesTokenForToken(RunnerKind kind) {
        try (LogitsRunner runner = open(kind)) {
            RunnerHarness harness = new RunnerHarness(runner, new Random(1));
            List<Continuation> running = new ArrayList<>();
            for (Case golden : cases) {
                running.add(new Continuation(golden, harness.sequence(golden.promptIds(), GREEDY_TOP5)));
            }
            while (!running.isEmpty()) {
                harness.clearPlan();
                for (Continuation each : running) {
                    harness.add(each.sequence, Math.min(48, each.sequence.uncomputed()));
                }
                StepResult result = harness.step();
                for (int slice = 0; slice < running.size(); slice++) {
                    Continuation each = running.get(slice);
                    if (each.sequence.uncomputed() > 0) continue;
                    check(kind, each.golden, each.sequence.output().length, result, slice);
                    each.sequence.append(result.token(slice));
                }
                running.removeIf(each -> each.sequence.output().length == each.golden.greedyIds().length);
            }
        }
    }

    private record Continuation(Case golden, Sequence sequence) {}

    private static void check(RunnerKind kind, Case golden, int step, StepResult result, int slice) {
        String where = "%s, output token %d after \"...%s\"".formatted(kind, step, golden);
        assertThat(result.token(slice)).as(where).isEqualTo(golden.greedyIds()[step]);
        List<Scored> top = golden.top5().get(step);
        assertThat(result.topCount(slice)).isEqualTo(top.size());
        for (int rank = 0; rank < top.size(); rank++) {
            double expected = top.get(rank).logprob();
            assertThat((double) result.topLogprob(slice, rank)).as(where).isCloseTo(expected, offset(0.01));
            int token = result.topToken(slice, rank);
            // Neighbours that are closer than the tolerance may change places.
            assertThat(top.stream()
                                    .filter(other -> Math.abs(other.logprob() - expected) < 0.01)
                                    .anyMatch(other -> other.token() == token)
                            || top.getLast().logprob() > expected - 0.01)
                    .as(where + ", rank " + rank)
                    .isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FAST_BFLOAT16", "LIBTORCH_BFLOAT16"})
    void bfloat16StaysCloseToFloat32(RunnerKind kind) {
        staysWithin(kind, 0.08, 0.4);
    }

    /// The model's matrices are Q4_1 and Q8_0: what is lost beyond that is what rounding activations to bytes costs.
    @Test
    void quantisedWeightsAsTheyAreStoredStayCloseToTheirDecodedSelves() {
        staysWithin(RunnerKind.FAST_QUANTISED, 0.15, 0.9);
    }

    private static void staysWithin(RunnerKind kind, double meanMax, double largestMax) {
        try (LogitsRunner runner = kind.openFree(RunnerKind.files(model), 16, 4096)) {
            for (Case golden : cases) {
                double[] ours = promptLogprobs(runner, golden);
                double sum = 0;
                double largest = 0;
                for (int k = 0; k < ours.length; k++) {
                    double difference = Math.abs(ours[k] - golden.promptLogprobs()[k]);
                    sum += difference;
                    largest = Math.max(largest, difference);
                }
                assertThat(sum / ours.length).as("mean over \"...%s\"", golden).isLessThanOrEqualTo(meanMax);
                assertThat(largest).as("largest of \"...%s\"", golden).isLessThanOrEqualTo(largestMax);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void twoCopiesOfARequestInABatchOf32GetTheTokensTheyGetAlone(RunnerKind kind) {
        Random random = new Random(7);
        int[] prompt = cases.getFirst().promptIds();
        SamplingParams sampled = RunnerKind.eventful(3);
        try (LogitsRunner runner = open(kind)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            Sequence alone = harness.sequence(prompt, sampled);
            harness.generate(List.of(alone), 256, 12);

            Sequence first = harness.sequence(prompt, sampled);
            Sequence second = harness.sequence(prompt, sampled);
            List<Sequence> batch = new ArrayList<>(List.of(first, second));
            while (batch.size() < 32) {
                int[] other = random.ints(
                                1 + random.nextInt(24), 0, model.config().vocabSize())
                        .toArray();
                batch.add(harness.sequence(other, sampled.withSeed(batch.size())));
            }
            Collections.shuffle(batch, random);
            harness.generate(batch, 20, 12);
            assertThat(first.output()).isEqualTo(alone.output());
            assertThat(second.output()).isEqualTo(alone.output());
        }
    }

    private static LogitsRunner open(RunnerKind kind) {
        return kind.open(RunnerKind.files(model), 16, 4096);
    }

    private static double[] promptLogprobs(LogitsRunner runner, Case golden) {
        int[] prompt = golden.promptIds();
        float[][] logits = new RunnerHarness(runner, new Random(2)).promptLogits(prompt, 512);
        double[] logprobs = new double[prompt.length - 1];
        for (int k = 0; k < logprobs.length; k++) {
            logprobs[k] = PlainSampler.logProbability(logits[k], prompt[k + 1]);
        }
        return logprobs;
    }
}

package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.ModelRunner.DeviceLost;
import io.sluice.batching.ModelRunner.StepFailed;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.modelstore.ModelConfig;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What goes wrong for one sequence, or for one step, reaches no other.
class ContainmentTest {
    private static final ModelConfig TINY = RandomModel.TINY;
    private static final int POISON = TINY.vocabSize() - 1;
    private static final int VOCAB_END = TINY.vocabSize();
    private static final long SEED = 81;

    private final Random random = new Random(SEED);

    /// Never draws the token that poisons.
    private final SamplingParams sampled = new SamplingParams(
            0.9f, 0.95f, 40, 0.01f, 7, 0.5f, 0.1f, 1.3f, 0, Map.of(POISON, -100f), SamplingParams.NO_LOGPROBS);

    @ParameterizedTest
    @EnumSource
    void aSequenceWhoseNumbersAreNoneGetsNoTokenAndTheOthersTheTokensTheyGetWithoutIt(RunnerKind kind) {
        int[][] prompts = new int[9][];
        for (int i = 0; i < prompts.length; i++) prompts[i] = prompt(1 + random.nextInt(40));
        int[] poisoned = prompt(30);
        poisoned[5] = POISON;
        for (int blockSize : new int[] {2, 16}) {
            try (LogitsRunner runner = kind.open(poisonedByItsLastToken().files(), blockSize, 2000)) {
                RunnerHarness harness = new RunnerHarness(runner, random);
                int[][] expected = tokens(harness, prompts, prompt(30), false);
                assertThat(tokens(harness, prompts, poisoned, true)).isDeepEqualTo(expected);
            }
        }
    }

    /// Each prompt's next twelve tokens, computed together with another sequence in their midst.
    private int[][] tokens(RunnerHarness harness, int[][] prompts, int[] another, boolean isPoisoned) {
        Sequence[] sequences = new Sequence[prompts.length + 1];
        int middle = prompts.length / 2;
        for (int i = 0; i < sequences.length; i++) {
            int[] prompt = i == middle ? another : prompts[i < middle ? i : i - 1];
            sequences[i] = harness.sequence(prompt, sampled);
        }
        for (int step = 0; step < 12; step++) {
            harness.clearPlan();
            for (Sequence sequence : sequences) harness.add(sequence, sequence.uncomputed());
            StepResult result = harness.step();
            for (int i = 0; i < sequences.length; i++) {
                boolean isLost = isPoisoned && i == middle;
                assertThat(result.token(i) == StepResult.NO_TOKEN).isEqualTo(isLost);
                sequences[i].append(isLost ? 0 : result.token(i)); // goes on, poisoned, to tempt the others
            }
        }
        int[][] tokens = new int[prompts.length][];
        for (int i = 0; i < prompts.length; i++) tokens[i] = sequences[i < middle ? i : i + 1].output();
        for (Sequence sequence : sequences) harness.free(sequence);
        return tokens;
    }

    @ParameterizedTest
    @EnumSource
    void aStepThatFailsLeavesNothingToTheNext(RunnerKind kind) {
        int[] prompt = prompt(37);
        int[] expected;
        try (LogitsRunner undisturbed = kind.open(new RandomModel(TINY, 11).files(), 16, 256)) {
            RunnerHarness harness = new RunnerHarness(undisturbed, random);
            Sequence sequence = harness.sequence(prompt, sampled);
            harness.generate(List.of(sequence), 16, 20);
            expected = sequence.output();
        }
        try (LogitsRunner runner = kind.open(new RandomModel(TINY, 11).files(), 16, 256)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            Sequence sequence = harness.sequence(prompt, sampled);
            while (sequence.output().length < expected.length) {
                failEveryWay(runner, prompt);
                harness.clearPlan();
                harness.add(sequence, Math.min(16, sequence.uncomputed()));
                harness.stepAndAppend(sequence);
            }
            assertThat(sequence.output()).isEqualTo(expected);
        }
    }

    /// In blocks that nobody else has: a token that is none, a block that is none, a history that breaks the sampler
    /// when it has counted half of it, and copies from and to nowhere.
    private void failEveryWay(LogitsRunner runner, int[] prompt) {
        int[] blocks = {runner.limits().blockCount() - 1};
        int[] broken = Arrays.copyOf(prompt, 16);
        broken[15] = VOCAB_END;
        fails(runner, plan -> plan.add(broken, 0, 16, blocks, 1));
        fails(runner, plan -> plan.add(prompt, 0, 16, new int[] {runner.limits().blockCount()}, 1));
        fails(runner, plan -> {
            plan.add(prompt, 0, 16, blocks, 1);
            plan.sample(sampled, broken, 1, new int[0]);
        });
        fails(runner, plan -> plan.copyOut(0, runner.limits().hostBlockCount()));
        fails(runner, plan -> plan.copyIn(0, runner.limits().blockCount()));
    }

    @FunctionalInterface
    private interface Mistake {
        void in(StepPlan plan);
    }

    private static void fails(LogitsRunner runner, Mistake mistake) {
        StepPlan plan = new StepPlan(runner.limits());
        mistake.in(plan);
        assertThatThrownBy(() -> runner.launch(plan).await()).isInstanceOf(StepFailed.class);
    }

    @Test
    void aStepThatFoundNoMemoryFailedAndWhatIsWrongWithTheProcessLosesTheDevice() {
        assertThat(StepErrors.meaning("it", new IllegalArgumentException("refused")))
                .isInstanceOf(StepFailed.class)
                .hasMessage("it could not compute a step: refused");
        assertThat(StepErrors.meaning("it", new OutOfMemoryError("no room"))).isInstanceOf(StepFailed.class);
        assertThat(StepErrors.meaning("it", new InternalError("a fault occurred in a memory access")))
                .isInstanceOf(DeviceLost.class)
                .hasMessageContaining("a fault occurred");
        assertThat(StepErrors.meaning("it", KernelLibrary.impossible(new IllegalStateException())))
                .isInstanceOf(DeviceLost.class);
    }

    private int[] prompt(int length) {
        return random.ints(length, 0, POISON).toArray();
    }

    /// A model with a token whose keys and values are not numbers.
    private static RandomModel poisonedByItsLastToken() {
        ModelConfig untied = new ModelConfig(
                TINY.architecture(),
                TINY.vocabSize(),
                TINY.hiddenSize(),
                TINY.layerCount(),
                TINY.headCount(),
                TINY.kvHeadCount(),
                TINY.headDim(),
                TINY.intermediateSize(),
                TINY.rmsNormEps(),
                TINY.ropeTheta(),
                TINY.contextMax(),
                false);
        RandomModel model = new RandomModel(untied, 11);
        float[] embedding = model.numbers("model.embed_tokens");
        Arrays.fill(embedding, POISON * TINY.hiddenSize(), embedding.length, Float.NaN);
        return model;
    }
}

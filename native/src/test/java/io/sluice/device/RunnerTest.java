package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.sluice.batching.SamplingParams;
import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.modelstore.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// What every runner is held to, on a model of random weights.
class RunnerTest {
    private static final ModelConfig TINY = RandomModel.TINY;
    private static final int POISON = TINY.vocabSize() - 1;

    @ParameterizedTest
    @CsvSource({
        "REFERENCE, true",
        "REFERENCE, false",
        "FAST_FLOAT32, true",
        "FAST_FLOAT32, false",
        "LIBTORCH_FLOAT32, true",
        "LIBTORCH_FLOAT32, false"
    })
    void logitsAreThoseOfAPlainImplementation(RunnerKind kind, boolean tiedHead) {
        ModelConfig config = withHead(tiedHead);
        RandomModel model = new RandomModel(config, 11);
        Random random = new Random(12);
        int[] prompt = randomTokens(random, 83);
        double[][] expected = new PlainLlama(model).logits(prompt);
        try (LogitsRunner runner = kind.open(model.files(), 4, 2000)) {
            float[][] logits = new RunnerHarness(runner, random).promptLogits(prompt, 100);
            for (int t = 0; t < prompt.length; t++) {
                for (int token = 0; token < config.vocabSize(); token++) {
                    assertThat((double) logits[t][token]).isCloseTo(expected[t][token], offset(2e-4));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void logitsAreTheSameBitByBitHoweverThePromptIsChunked(RunnerKind kind) {
        Random random = new Random(21);
        int[] prompt = randomTokens(random, 150);
        try (LogitsRunner runner = open(kind, 8, 2000)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            float[][] whole = harness.promptLogits(prompt, 256);
            for (int chunk : new int[] {1, 7, 16, 61}) {
                assertThat(harness.promptLogits(prompt, chunk))
                        .as("chunks of %d", chunk)
                        .isDeepEqualTo(whole);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void logitsAreTheSameBitByBitAloneAndAmong31Others(RunnerKind kind) {
        Random random = new Random(31);
        int[] prompt = randomTokens(random, 43);
        try (LogitsRunner runner = open(kind, 8, 4000)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            float[][] alone = harness.promptLogits(prompt, 256);
            for (int place : new int[] {0, 5, 31}) {
                harness.clearPlan();
                List<Sequence> batch = new ArrayList<>();
                int start = 0;
                for (int i = 0; i < 32; i++) {
                    int[] tokens = i == place ? prompt : randomTokens(random, 1 + random.nextInt(30));
                    if (i < place) start += tokens.length;
                    batch.add(harness.sequence(tokens));
                    harness.add(batch.getLast(), tokens.length);
                }
                float[][] logits = harness.logits();
                for (int t = 0; t < prompt.length; t++) {
                    assertThat(logits[start + t])
                            .as("place %d, token %d", place, t)
                            .isEqualTo(alone[t]);
                }
                batch.forEach(harness::free);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void twoCopiesOfARequestInABatchOf32GetTheTokensTheyGetAlone(RunnerKind kind) {
        long seed = 41;
        Random random = new Random(seed);
        SamplingParams sampled = RunnerKind.eventful(7);
        int[] prompt = randomTokens(random, 37);
        try (LogitsRunner runner = open(kind, 16, 8000)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            Sequence alone = harness.sequence(prompt, sampled);
            harness.generate(List.of(alone), 256, 24);

            Sequence first = harness.sequence(prompt, sampled);
            Sequence second = harness.sequence(prompt, sampled);
            List<Sequence> batch = new ArrayList<>(List.of(first, second));
            for (int i = 2; i < 32; i++) {
                batch.add(harness.sequence(randomTokens(random, 1 + random.nextInt(60)), sampled.withSeed(i)));
            }
            Collections.shuffle(batch, random);
            harness.generate(batch, 13, 24);
            assertThat(first.output()).as("seed %d", seed).isEqualTo(alone.output());
            assertThat(second.output()).as("seed %d", seed).isEqualTo(alone.output());
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatAnEarlierSequenceLeftInABlockIsNeverUsed(RunnerKind kind) {
        Random random = new Random(51);
        RandomModel model = poisonedByItsLastToken();
        int[] prompt = random.ints(21, 0, POISON).toArray();
        int[] poisoned = new int[64];
        Arrays.fill(poisoned, POISON);
        try (LogitsRunner runner = kind.open(model.files(), 16, 64)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            float[][] clean = harness.promptLogits(prompt, 64);
            assertThat(clean[20]).doesNotContain(Float.NaN);
            assertThat(harness.promptLogits(poisoned, 64)[0]).contains(Float.NaN);
            assertThat(harness.promptLogits(prompt, 64)).isDeepEqualTo(clean);
        }
    }

    /// Computed blocks are shared by all prompts that begin alike, whatever they go on with.
    @ParameterizedTest
    @EnumSource
    void whatAPromptGoesOnWithNeverReachesTheBlocksBefore(RunnerKind kind) {
        Random random = new Random(61);
        RandomModel model = poisonedByItsLastToken();
        int[] prompt = random.ints(70, 0, POISON).toArray();
        for (int blockSize : new int[] {1, 4, 16}) {
            try (LogitsRunner runner = kind.open(model.files(), blockSize, 256)) {
                RunnerHarness harness = new RunnerHarness(runner, random);
                float[][] clean = harness.promptLogits(prompt, 128);
                for (int first : new int[] {3, 17, 34, 64, 69}) {
                    int[] goesWrong = prompt.clone();
                    goesWrong[first] = POISON;
                    float[][] logits = harness.promptLogits(goesWrong, 128);
                    assertThat(logits[first]).contains(Float.NaN);
                    assertThat(Arrays.copyOf(logits, first))
                            .as("before token %d, blocks of %d", first, blockSize)
                            .isDeepEqualTo(Arrays.copyOf(clean, first));
                }
            }
        }
    }

    /// A model with a token whose keys and values are not numbers.
    private static RandomModel poisonedByItsLastToken() {
        RandomModel model = new RandomModel(withHead(false), 11);
        float[] embedding = model.numbers("model.embed_tokens");
        Arrays.fill(embedding, POISON * TINY.hiddenSize(), embedding.length, Float.NaN);
        return model;
    }

    private static LogitsRunner open(RunnerKind kind, int blockSize, int cacheTokens) {
        return kind.open(new RandomModel(TINY, 11).files(), blockSize, cacheTokens);
    }

    private static ModelConfig withHead(boolean tied) {
        return new ModelConfig(
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
                tied);
    }

    private static int[] randomTokens(Random random, int count) {
        return random.ints(count, 0, TINY.vocabSize()).toArray();
    }
}

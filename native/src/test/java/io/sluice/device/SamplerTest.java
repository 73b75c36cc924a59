package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.batching.TokenConstraint;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SamplerTest {
    private static final int VOCAB = 1000;
    private static final ModelLimits LIMITS = new ModelLimits(64, 16, 512, 512, 4, VOCAB, 0);
    private static final int[] END_TOKENS = {3, 700};

    private final Sampler sampler = new Sampler(VOCAB);
    private final StepPlan plan = new StepPlan(LIMITS);
    private final StepResult result = new StepResult(4);

    @Test
    void tokensAndLogProbabilitiesAreThoseOfAPlainImplementation() {
        for (int seed = 0; seed < 1000; seed++) {
            Random random = new Random(seed);
            float[] logits = randomLogits(random);
            int promptLength = 1 + random.nextInt(40);
            int[] tokens = random.ints(promptLength + random.nextInt(40), 0, 60).toArray();
            SamplingParams params = randomParams(random);
            double[] expected = PlainSampler.probabilities(
                    logits, params, tokens, promptLength, tokens.length - promptLength, END_TOKENS);

            sample(logits, params, tokens, promptLength);

            int token = PlainSampler.draw(expected, Philox.uniform(params.seed(), tokens.length));
            assertThat(result.token(0)).as("seed %d: %s", seed, params).isEqualTo(token);
            checkLogProbabilities(seed, logits, params);
        }
    }

    private void checkLogProbabilities(int seed, float[] logits, SamplingParams params) {
        if (params.topLogprobs() == SamplingParams.NO_LOGPROBS) {
            assertThat(result.topCount(0)).isZero();
            assertThat(result.logprob(0)).isZero();
            return;
        }
        double expected = PlainSampler.logProbability(logits, result.token(0));
        assertThat((double) result.logprob(0)).as("seed %d", seed).isCloseTo(expected, offset(1e-5));
        assertThat(result.topCount(0)).isEqualTo(params.topLogprobs());
        Integer[] byLogit = new Integer[VOCAB];
        Arrays.setAll(byLogit, token -> token);
        Arrays.sort(byLogit, (a, b) -> Float.compare(logits[b], logits[a])); // stable: the lower id first among equals
        for (int rank = 0; rank < result.topCount(0); rank++) {
            assertThat(result.topToken(0, rank))
                    .as("seed %d, rank %d", seed, rank)
                    .isEqualTo(byLogit[rank]);
            assertThat((double) result.topLogprob(0, rank))
                    .isCloseTo(PlainSampler.logProbability(logits, byLogit[rank]), offset(1e-5));
        }
    }

    static SamplingParams[] distributions() {
        return new SamplingParams[] {
            params(1f, 1f, 0, 0f),
            params(0.7f, 1f, 0, 0f),
            params(1.5f, 0.9f, 0, 0f),
            params(1f, 1f, 5, 0f),
            params(1f, 1f, 0, 0.2f),
            params(1.2f, 0.95f, 12, 0.05f),
        };
    }

    /// Pearson's test: with `d` degrees of freedom the statistic exceeds `d + 4 sqrt(2 d) + 10` less than once in
    /// 10,000 tries, and the seeds are fixed.
    @ParameterizedTest
    @MethodSource("distributions")
    void drawsFollowTheirDistribution(SamplingParams params) {
        float[] logits = new float[VOCAB];
        Arrays.fill(logits, -40f);
        Random random = new Random(5);
        for (int i = 0; i < 20; i++) logits[random.nextInt(VOCAB)] = (float) random.nextGaussian();
        double[] expected = PlainSampler.probabilities(logits, params, new int[0], 0, 0, END_TOKENS);
        int draws = 40_000;
        int[] counts = new int[VOCAB];
        int[] tokens = {1};
        for (int seed = 0; seed < draws; seed++) {
            sample(logits, params.withSeed(seed), tokens, 1);
            counts[result.token(0)]++;
        }
        double statistic = 0;
        int degrees = -1;
        for (int token = 0; token < VOCAB; token++) {
            double mean = draws * expected[token];
            if (expected[token] == 0)
                assertThat(counts[token]).as("token %d", token).isZero();
            if (mean < 5) continue;
            statistic += (counts[token] - mean) * (counts[token] - mean) / mean;
            degrees++;
        }
        assertThat(statistic).isLessThan(degrees + 4 * Math.sqrt(2.0 * degrees) + 10);
    }

    @Test
    void theDrawDependsOnSeedAndPositionAlone() {
        float[] logits = randomLogits(new Random(1));
        SamplingParams params = params(1f, 1f, 0, 0f).withSeed(99);
        int[] tokens = new Random(2).ints(50, 0, VOCAB).toArray();
        int alone = sample(logits, params, tokens, 50);
        // The same position reached in another chunk, in another slot, with another split of prompt and output.
        plan.clear();
        plan.add(new int[] {5, 6}, 0, 2, new int[] {9}, 1);
        plan.add(tokens, 49, 1, new int[] {4, 3, 2, 1}, 4);
        plan.sample(params, tokens, 20, END_TOKENS);
        try (Arena arena = Arena.ofConfined()) {
            sampler.sample(plan, 1, 0, arena.allocateFrom(ValueLayout.JAVA_FLOAT, logits), result);
        }
        assertThat(result.token(1)).isEqualTo(alone);
        int[] others = new int[40];
        float[] even = new float[VOCAB];
        for (int i = 0; i < others.length; i++) others[i] = sample(even, params, Arrays.copyOf(tokens, 10 + i), 1);
        assertThat(Arrays.stream(others).distinct().count())
                .as("other positions, other draws")
                .isGreaterThan(35);
    }

    @Test
    void greedyTakesTheLowestOfEqualMaxima() {
        float[] logits = new float[VOCAB];
        logits[400] = logits[20] = logits[999] = 3f;
        assertThat(sample(logits, SamplingParams.GREEDY, new int[] {1}, 1)).isEqualTo(20);
    }

    @Test
    void logitsThatAreNotNumbersGiveNoToken() {
        int[] tokens = {1};
        float[] logits = randomLogits(new Random(3));
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            float[] broken = logits.clone();
            broken[500] = bad;
            assertThat(sample(broken, SamplingParams.GREEDY, tokens, 1)).isEqualTo(StepResult.NO_TOKEN);
            assertThat(sample(broken, params(1f, 0.9f, 10, 0f), tokens, 1)).isEqualTo(StepResult.NO_TOKEN);
        }
        Arrays.fill(logits, Float.NEGATIVE_INFINITY);
        assertThat(sample(logits, SamplingParams.GREEDY, tokens, 1)).isEqualTo(StepResult.NO_TOKEN);
    }

    @Test
    void aRowWhoseOnlyTokensAreMaskedEndTokensGivesNoToken() {
        float[] logits = new float[VOCAB];
        Arrays.fill(logits, Float.NEGATIVE_INFINITY);
        for (int token : END_TOKENS) logits[token] = 1f;
        assertThat(sample(logits, withMinTokens(1), new int[] {1}, 1)).isEqualTo(StepResult.NO_TOKEN);
        assertThat(sample(logits, withMinTokens(1), new int[] {1, 2}, 1)).isEqualTo(END_TOKENS[0]);
    }

    @Test
    void tiesWithTheLastKeptTokenAreKept() {
        float[] logits = new float[VOCAB];
        Arrays.fill(logits, -50f);
        for (int token = 10; token < 14; token++) logits[token] = 1f;
        boolean[] drawn = new boolean[VOCAB];
        for (int seed = 0; seed < 200; seed++) {
            drawn[sample(logits, params(1f, 1f, 2, 0f).withSeed(seed), new int[] {1}, 1)] = true;
        }
        assertThat(Arrays.copyOfRange(drawn, 9, 15)).containsExactly(false, true, true, true, true, false);
    }

    @Test
    void nothingOfOneCallIsLeftForTheNext() {
        Random random = new Random(8);
        float[] logits = randomLogits(random);
        SamplingParams penalised = new SamplingParams(0f, 1f, 0, 0f, 0, 2f, 2f, 5f, 3, Map.of(7, 50f), 20);
        sample(logits, penalised, random.ints(60, 0, VOCAB).toArray(), 10);
        assertThat(sample(logits, SamplingParams.GREEDY, new int[] {1}, 1))
                .isEqualTo(Exponentials.indexOf(logits, Exponentials.max(logits)));
        assertThat(result.topCount(0)).isZero();
    }

    @Test
    void exponentialsAreExactEnough() {
        float[] values = new float[2001];
        for (int i = 0; i < values.length; i++) values[i] = -i / 4f;
        double[] out = new double[values.length];
        Exponentials.fill(values, 0f, 1f, out);
        for (int i = 0; i < 1600; i++) {
            double exact = Math.exp(values[i]);
            assertThat(out[i]).isCloseTo(exact, offset(exact * (values[i] > -60 ? 1e-8 : 0.2)));
        }
        Exponentials.fill(new float[] {Float.NEGATIVE_INFINITY}, 0f, 1f, out);
        assertThat(out[0]).isLessThan(1e-100);
    }

    @Test
    void onlyWhatAConstraintAllowsIsSampled() {
        Random random = new Random(3);
        for (int round = 0; round < 300; round++) {
            float[] logits = randomLogits(random);
            BitSet allowed = new BitSet(VOCAB);
            for (int i = 0; i < 1 + random.nextInt(5); i++) allowed.set(random.nextInt(VOCAB));
            boolean mayEnd = random.nextBoolean();
            SamplingParams params = random.nextBoolean()
                    ? SamplingParams.GREEDY
                    : params(1f, 0.9f, 3, 0f).withSeed(round);
            constrain(params, new Allowing(allowed, mayEnd));
            for (int end : END_TOKENS) allowed.set(end, mayEnd);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment row = arena.allocateFrom(ValueLayout.JAVA_FLOAT, logits);
                sampler.sample(plan, 0, 0, row, result);
                int sampled = result.token(0);
                if (allowed.isEmpty()) assertThat(sampled).isEqualTo(StepResult.NO_TOKEN);
                else
                    assertThat(allowed.get(sampled) || logits[sampled] == Float.NEGATIVE_INFINITY)
                            .isTrue();
                if (!params.isGreedy()) continue;
                Sampler.takeLargestAllowed(plan, 0, 0, row, result);
                assertThat(result.token(0)).as("both greedy paths").isEqualTo(sampled);
            }
        }
    }

    @Test
    void aConstraintThatAllowsNothingLeavesNoToken() {
        for (SamplingParams params : List.of(SamplingParams.GREEDY, params(1f, 1f, 0, 0f))) {
            constrain(params, new Allowing(new BitSet(), false));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment row = arena.allocateFrom(ValueLayout.JAVA_FLOAT, randomLogits(new Random(1)));
                sampler.sample(plan, 0, 0, row, result);
                assertThat(result.token(0)).isEqualTo(StepResult.NO_TOKEN);
                Sampler.takeLargestAllowed(plan, 0, 0, row, result);
                assertThat(result.token(0)).isEqualTo(StepResult.NO_TOKEN);
            }
        }
    }

    private void constrain(SamplingParams params, TokenConstraint.Progress progress) {
        plan.clear();
        plan.add(new int[] {1}, 0, 1, new int[] {0}, 1);
        plan.sample(params, new int[] {1}, 1, END_TOKENS);
        plan.constrain(progress);
    }

    /// These tokens, whatever was sampled before.
    private record Allowing(BitSet allowed, boolean isComplete) implements TokenConstraint.Progress {
        @Override
        public void fill(long[] mask) {
            Arrays.fill(mask, 0);
            allowed.stream().forEach(token -> mask[token >> 6] |= 1L << token);
        }

        @Override
        public boolean accept(int token) {
            return true;
        }

        @Override
        public void moveTo(TokenConstraint.Progress other) {}

        @Override
        public boolean isOver() {
            return false;
        }
    }

    private int sample(float[] logits, SamplingParams params, int[] tokens, int promptLength) {
        plan.clear();
        int[] blocks = new int[LIMITS.sequenceBlocksMax()];
        plan.add(tokens, 0, tokens.length, blocks, LIMITS.blocksFor(tokens.length));
        plan.sample(params, tokens, promptLength, END_TOKENS);
        try (Arena arena = Arena.ofConfined()) {
            sampler.sample(plan, 0, 0, arena.allocateFrom(ValueLayout.JAVA_FLOAT, logits), result);
        }
        return result.token(0);
    }

    private static float[] randomLogits(Random random) {
        float[] logits = new float[VOCAB];
        float spread = 0.5f + 5 * random.nextFloat();
        for (int token = 0; token < VOCAB; token++) logits[token] = spread * (float) random.nextGaussian();
        if (random.nextInt(4) == 0) logits[random.nextInt(VOCAB)] = Float.NEGATIVE_INFINITY;
        return logits;
    }

    private static SamplingParams randomParams(Random random) {
        boolean penalises = random.nextBoolean();
        Map<Integer, Float> bias = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) bias.put(random.nextInt(VOCAB), random.nextFloat() * 20 - 10);
        return new SamplingParams(
                random.nextInt(4) == 0 ? 0f : 0.1f + 1.9f * random.nextFloat(),
                random.nextBoolean() ? 1f : 0.05f + 0.94f * random.nextFloat(),
                random.nextBoolean() ? 0 : 1 + random.nextInt(2 * VOCAB),
                random.nextBoolean() ? 0f : random.nextFloat() * 0.3f,
                random.nextLong(),
                penalises ? random.nextFloat() * 4 - 2 : 0f,
                penalises ? random.nextFloat() * 4 - 2 : 0f,
                penalises ? 0.5f + random.nextFloat() : 1f,
                random.nextInt(60),
                bias,
                random.nextInt(SamplingParams.TOP_LOGPROBS_MAX + 2) - 1);
    }

    private static SamplingParams params(float temperature, float topP, int topK, float minP) {
        return new SamplingParams(
                temperature, topP, topK, minP, 0L, 0f, 0f, 1f, 0, Map.of(), SamplingParams.NO_LOGPROBS);
    }

    private static SamplingParams withMinTokens(int minTokens) {
        return new SamplingParams(0f, 1f, 0, 0f, 0L, 0f, 0f, 1f, minTokens, Map.of(), SamplingParams.NO_LOGPROBS);
    }
}

package io.sluice.device;

import static io.sluice.device.CudaBench.expect;
import static io.sluice.device.CudaBench.expectClose;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.batching.TokenConstraint;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/// Sampling on the device against the CPU's sampler, which it must agree with token by token.
final class CudaSamplerChecks {
    private static final int ROWS = 6;
    private static final int[] END_TOKENS = {3, 70};

    private final CudaBench bench;
    private final Random random;
    private final int batches;

    CudaSamplerChecks(CudaBench bench, long seed, int batches) {
        this.bench = bench;
        random = new Random(seed);
        this.batches = batches;
    }

    void choosesWhatTheProcessorsSamplerChooses() {
        for (int vocab : new int[] {100, 1000, 5003}) {
            for (int batch = 0; batch < batches; batch++) {
                float[][] logits = new float[ROWS][];
                SamplingParams[] params = new SamplingParams[ROWS];
                for (int r = 0; r < ROWS; r++) {
                    logits[r] = logits(vocab);
                    params[r] = params(vocab);
                }
                compare(vocab, logits, params, BitSet.valueOf(new long[] {random.nextInt(1 << ROWS)}));
            }
        }
    }

    /// Many equal logits, all equal, none finite, one not a number, nothing left after masking.
    void agreesAtTheEdges() {
        int vocab = 300;
        float[][] logits = new float[ROWS][vocab];
        for (int i = 0; i < vocab; i++) logits[0][i] = random.nextInt(3);
        logits[2][17] = Float.NaN;
        logits[3][299] = Float.POSITIVE_INFINITY;
        Arrays.fill(logits[4], Float.NEGATIVE_INFINITY);
        Arrays.fill(logits[5], Float.NEGATIVE_INFINITY);
        for (int token : END_TOKENS) logits[5][token] = 1;
        for (int topK : new int[] {0, 1, 7, 300}) {
            for (float topP : new float[] {1f, 0.5f, 0.01f}) {
                for (float temperature : new float[] {0f, 1f}) {
                    SamplingParams[] params = new SamplingParams[ROWS];
                    for (int r = 0; r < ROWS; r++) {
                        params[r] = new SamplingParams(
                                temperature, topP, topK, 0f, random.nextLong(), 0f, 0f, 1f, 100, Map.of(), 5);
                    }
                    compare(vocab, logits, params, new BitSet());
                }
            }
        }
    }

    void masksAreBitsOfTokensThatMayBeChosen() {
        int vocab = 77;
        float[][] logits = {logits(vocab), logits(vocab), logits(vocab)};
        logits[0][70] = -3f; // also where the random row has minus infinity there
        int[][] allowed = {{70}, {5, 9}, {}};
        ModelLimits limits = limits(vocab, 3);
        StepPlan plan = new StepPlan(limits);
        try (CudaSampling sampling = new CudaSampling(bench.device, limits)) {
            for (int r = 0; r < 3; r++) {
                plan.add(new int[] {1, 2}, 0, 2, new int[32], 32);
                plan.sample(SamplingParams.GREEDY, new int[] {1, 2}, 1, new int[0]);
                plan.constrain(new Allowing(allowed[r]));
                sampling.put(0, r, plan, r);
            }
            sampling.upload(0, 3);
            bench.kernels.sample(bench.rows(logits, Format.FLOAT32), vocab, 3, sampling);
            sampling.download(0, 3);
            bench.device.await();
            StepResult result = new StepResult(3);
            for (int r = 0; r < 3; r++) sampling.get(0, r, r, result);
            expect(result.token(0) == 70, "row 0: token", result.token(0));
            expect(result.token(1) == (logits[1][9] > logits[1][5] ? 9 : 5), "row 1: token", result.token(1));
            expect(result.token(2) == StepResult.NO_TOKEN, "row 2: token", result.token(2));
        }
    }

    /// These tokens, whatever was sampled before.
    private record Allowing(int... tokens) implements TokenConstraint.Progress {
        @Override
        public void fill(long[] mask) {
            Arrays.fill(mask, 0);
            for (int token : tokens) mask[token >> 6] |= 1L << token;
        }

        @Override
        public boolean accept(int token) {
            return true;
        }

        @Override
        public void moveTo(TokenConstraint.Progress other) {}

        @Override
        public boolean isComplete() {
            return false;
        }

        @Override
        public boolean isOver() {
            return false;
        }
    }

    private void compare(int vocab, float[][] logits, SamplingParams[] params, BitSet constrainedRows) {
        ModelLimits limits = limits(vocab, ROWS);
        StepPlan plan = new StepPlan(limits);
        Sampler sampler = new Sampler(vocab);
        StepResult expected = new StepResult(ROWS);
        StepResult actual = new StepResult(ROWS);
        try (CudaSampling sampling = new CudaSampling(bench.device, limits)) {
            for (int r = 0; r < ROWS; r++) {
                int prompt = 1 + random.nextInt(30);
                int length = prompt + random.nextInt(60);
                add(plan, random.ints(length, 0, Math.min(vocab, 60)).toArray(), prompt, params[r]);
                if (constrainedRows.get(r))
                    plan.constrain(new Allowing(random.ints(40, 0, vocab).toArray()));
                sampling.put(0, r, plan, r);
            }
            sampling.upload(0, ROWS);
            bench.kernels.sample(bench.rows(logits, Format.FLOAT32), vocab, ROWS, sampling);
            sampling.download(0, ROWS);
            bench.device.await();
            for (int r = 0; r < ROWS; r++) {
                MemorySegment row = bench.host.allocateFrom(JAVA_FLOAT, logits[r]);
                sampler.sample(plan, r, 0, row, expected);
                sampling.get(0, r, r, actual);
                compare(r, expected, actual, params[r] + " of " + vocab);
            }
            int[] counts = bench.read(sampling.counts(), 4L * sampling.blocks() * vocab)
                    .toArray(JAVA_INT);
            for (int count : counts) expect(count == 0, "counts are left for the next call");
        }
    }

    private static void compare(int r, StepResult expected, StepResult actual, String what) {
        expect(actual.token(r) == expected.token(r), what, "token", actual.token(r), "not", expected.token(r));
        expectClose(actual.logprob(r), expected.logprob(r), 1e-5, what, "logprob");
        expect(actual.topCount(r) == expected.topCount(r), what, actual.topCount(r), "tops");
        for (int rank = 0; rank < actual.topCount(r); rank++) {
            expect(actual.topToken(r, rank) == expected.topToken(r, rank), what, "top", rank);
            float logprob = expected.topLogprob(r, rank);
            if (logprob == Float.NEGATIVE_INFINITY) expect(actual.topLogprob(r, rank) == logprob, what);
            else expectClose(actual.topLogprob(r, rank), logprob, 1e-5, what, "top", rank);
        }
    }

    private static ModelLimits limits(int vocab, int rows) {
        return new ModelLimits(64, 16, 512, 1024, rows, vocab, 0);
    }

    private static void add(StepPlan plan, int[] tokens, int promptLength, SamplingParams params) {
        plan.add(tokens, 0, tokens.length, new int[32], 32);
        plan.sample(params, tokens, promptLength, END_TOKENS);
    }

    private float[] logits(int vocab) {
        float[] logits = new float[vocab];
        float spread = 0.5f + 5 * random.nextFloat();
        for (int i = 0; i < vocab; i++) logits[i] = spread * (float) random.nextGaussian();
        if (random.nextInt(4) == 0) logits[random.nextInt(vocab)] = Float.NEGATIVE_INFINITY;
        return logits;
    }

    private SamplingParams params(int vocab) {
        boolean penalises = random.nextBoolean();
        Map<Integer, Float> bias = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) bias.put(random.nextInt(vocab), random.nextFloat() * 20 - 10);
        return new SamplingParams(
                random.nextInt(4) == 0 ? 0f : 0.1f + 1.9f * random.nextFloat(),
                random.nextBoolean() ? 1f : 0.05f + 0.94f * random.nextFloat(),
                random.nextBoolean() ? 0 : 1 + random.nextInt(2 * vocab),
                random.nextBoolean() ? 0f : random.nextFloat() * 0.3f,
                random.nextLong(),
                penalises ? random.nextFloat() * 4 - 2 : 0f,
                penalises ? random.nextFloat() * 4 - 2 : 0f,
                penalises ? 0.5f + random.nextFloat() : 1f,
                random.nextInt(60),
                bias,
                random.nextInt(SamplingParams.TOP_LOGPROBS_MAX + 2) - 1);
    }
}

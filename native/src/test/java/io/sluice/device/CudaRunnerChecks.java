package io.sluice.device;

import static io.sluice.device.CudaBench.expect;
import static io.sluice.device.CudaBench.expectClose;

import io.sluice.batching.SamplingParams;
import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// The whole runner on a model of random weights, without a test framework: what a GPU must show beyond
/// single kernels.
final class CudaRunnerChecks {

    /// Tensor cores throughout, grouped queries.
    static final ModelConfig MODEL = new ModelConfig("llama", 89, 64, 2, 4, 2, 64, 96, 1e-5f, 10_000f, 512, true);

    /// Logits spread by about 1.5; numbers of 8 bits go through two layers.
    static final double BFLOAT16_ERROR = 0.1;

    private final CudaLibrary library;
    private final Random random;
    private final int rounds;

    CudaRunnerChecks(CudaLibrary library, long seed, int rounds) {
        this.library = library;
        random = new Random(seed);
        this.rounds = rounds;
    }

    void logitsAreThoseOfAPlainImplementation() {
        RandomModel model = new RandomModel(MODEL, 11);
        int[] prompt = tokens(37);
        double[][] expected = new PlainLlama(model).logits(prompt);
        for (Dtype dtype : Dtype.values()) {
            try (CudaRunner runner = open(model, dtype)) {
                float[][] logits = new RunnerHarness(runner, random).promptLogits(prompt, 20);
                compare(logits, expected, dtype == Dtype.FLOAT32 ? 1e-4 : BFLOAT16_ERROR, dtype);
            }
        }
    }

    /// Each position's logits on the whole: single ones are off by several times as much.
    ///
    /// @param tolerance of the root of the mean square of what they are off by
    static void compare(float[][] logits, double[][] expected, double tolerance, Object what) {
        for (int t = 0; t < expected.length; t++) {
            double squares = 0;
            for (int token = 0; token < expected[t].length; token++) {
                double error = logits[t][token] - expected[t][token];
                squares += error * error;
            }
            expectClose(Math.sqrt(squares / expected[t].length), 0, tolerance, what, "position", t);
        }
    }

    /// Sequences come and go for as many rounds as asked for: each gets the tokens that it got alone,
    /// through graphs of every bucket, in blocks that others had.
    void tokensDoNotDependOnWhoElseIsThere() {
        RandomModel model = new RandomModel(MODEL, 11);
        int[][] prompts = {tokens(19), tokens(1), tokens(33), tokens(8)};
        try (CudaRunner runner = open(model, Dtype.BFLOAT16)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            int[][] alone = new int[prompts.length][];
            for (int i = 0; i < prompts.length; i++) {
                Sequence sequence = harness.sequence(prompts[i], sampling(i));
                harness.generate(List.of(sequence), 64, 6);
                alone[i] = sequence.output();
            }
            for (int round = 0; round < rounds; round++) {
                List<Sequence> batch = new ArrayList<>();
                List<Integer> which = new ArrayList<>();
                for (int i = 0; i < prompts.length; i++) {
                    if (random.nextInt(4) > 0) which.add(i);
                }
                java.util.Collections.shuffle(which, random);
                for (int i : which) batch.add(harness.sequence(prompts[i], sampling(i)));
                harness.generate(batch, 1 + random.nextInt(40), 6);
                for (int i = 0; i < batch.size(); i++) {
                    int[] output = batch.get(i).output();
                    expect(
                            Arrays.equals(output, alone[which.get(i)]),
                            "round",
                            round,
                            "prompt",
                            which.get(i),
                            Arrays.toString(output),
                            "instead of",
                            Arrays.toString(alone[which.get(i)]));
                }
            }
            expect(runner.recordedGraphs() >= 1, "no graph was recorded");
        }
    }

    /// Greedy, and with everything in it that could depend on more than the sequence.
    private static SamplingParams sampling(int i) {
        if (i == 0) return SamplingParams.GREEDY;
        return new SamplingParams(0.9f, 0.95f, 40, 0.01f, i, 0.1f, 0.1f, 1.1f, 0, Map.of(), SamplingParams.NO_LOGPROBS);
    }

    private CudaRunner open(RandomModel model, Dtype dtype) {
        int cacheTokens = 160;
        long bytes = 2L * MODEL.layerCount() * MODEL.kvHeadCount() * MODEL.headDim() * dtype.bytes() * cacheTokens;
        RunnerSettings settings =
                new RunnerSettings(dtype, dtype, bytes, 0, 16, cacheTokens, 6, 160, true, true, Gemm.KERNELS, 1);
        return CudaRunner.open(model.files(), settings, place(library));
    }

    /// Device 0, without libtorch.
    static CudaModel.Place place(CudaLibrary library) {
        return new CudaModel.Place(library, new CudaSettings(0, 0.9, false), _ -> {
            throw new TorchFailed("no libtorch here");
        });
    }

    private int[] tokens(int count) {
        return random.ints(count, 0, MODEL.vocabSize()).toArray();
    }
}

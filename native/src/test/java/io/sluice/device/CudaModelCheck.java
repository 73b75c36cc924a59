package io.sluice.device;

import static io.sluice.device.CudaBench.expect;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.EngineStats;
import io.sluice.batching.FinishReason;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.TokenStream;
import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// Holds whole models on a CUDA device to the processor's kernels in float32, and lets requests come and go
/// for a while: `CudaModelCheck <library> <seconds of coming and going>`. Needs no test framework. Exits
/// with 1 if anything is wrong. **Not yet run on a GPU.**
final class CudaModelCheck {
    private static final int BLOCK = 16;
    private static final int CONTEXT = 96;

    /// Of the root of the mean square of a position's logits: what bfloat16 in all layers may be off by.
    private static final double BFLOAT16_ERROR = 0.05;

    private static final double FLOAT32_ERROR = 1e-4;

    private final CudaLibrary library;

    CudaModelCheck(CudaLibrary library) {
        this.library = library;
    }

    public static void main(String[] arguments) throws Exception {
        CudaLibrary library = CudaLibrary.load(Path.of(arguments[0]).toAbsolutePath());
        CudaModelCheck check = new CudaModelCheck(library);
        try {
            check.demoModel();
            check.shapedModels();
            check.churn(Duration.ofSeconds(Integer.parseInt(arguments[1])));
        } catch (AssertionError | RuntimeException e) {
            System.out.println("FAILED: " + e);
            System.exit(1);
        }
        System.exit(0); // the tokenizer's thread may still be loading
    }

    /// The model that comes with Sluice.
    void demoModel() throws java.io.IOException {
        Path cache = Files.createTempDirectory("sluice-demo");
        ModelFiles model = ModelStore.openDemo(cache);
        compare("the demo model", new WeightFiles(model.path(), model.config(), model::tensor));
    }

    /// Widths of published models, in one layer and with a small vocabulary: the processor computes them,
    /// too.
    void shapedModels() {
        List<ModelConfig> shapes = library.isEmulated()
                ? List.of(CudaRunnerChecks.MODEL)
                : List.of(cut(ShapedModel.llama1b(1)), cut(ShapedModel.llama8b(1)), cut(ShapedModel.qwen8b(1)));
        for (ModelConfig shape : shapes) {
            try (ShapedModel model = new ShapedModel(shape, 5)) {
                compare("random weights, width " + shape.hiddenSize(), model.files());
            }
        }
    }

    private static ModelConfig cut(ModelConfig shape) {
        return new ModelConfig(
                shape.architecture(),
                4096,
                shape.hiddenSize(),
                shape.layerCount(),
                shape.headCount(),
                shape.kvHeadCount(),
                shape.headDim(),
                shape.intermediateSize(),
                shape.rmsNormEps(),
                shape.ropeTheta(),
                shape.contextMax(),
                shape.tiedHead());
    }

    private void compare(String name, WeightFiles files) {
        int[] prompt = new Random(17).ints(40, 0, files.config().vocabSize()).toArray();
        float[][] expected;
        int[] greedy;
        try (LogitsRunner reference = RunnerKind.FAST_FLOAT32.open(files, BLOCK, 2 * CONTEXT)) {
            expected = new RunnerHarness(reference, new Random(1)).promptLogits(prompt, 40);
            greedy = greedy(reference, prompt);
        }
        for (Dtype dtype : Dtype.values()) {
            try (CudaRunner runner = open(files, dtype)) {
                float[][] logits = new RunnerHarness(runner, new Random(1)).promptLogits(prompt, 23);
                double error = relativeError(logits, expected);
                double most = dtype == Dtype.FLOAT32 ? FLOAT32_ERROR : BFLOAT16_ERROR;
                int[] tokens = greedy(runner, prompt);
                int agreed = Arrays.mismatch(tokens, greedy);
                System.out.printf(
                        "%s in %s: logits off by %.2g of their size (at most %.2g), greedy tokens %s%n",
                        name, dtype, error, most, agreed < 0 ? "equal" : "equal for " + agreed);
                expect(error <= most, name, "in", dtype, "is off by", error);
                expect(dtype != Dtype.FLOAT32 || agreed < 0, name, "in float32 gives other tokens");
            }
        }
    }

    private static int[] greedy(LogitsRunner runner, int[] prompt) {
        RunnerHarness harness = new RunnerHarness(runner, new Random(1));
        Sequence sequence = harness.sequence(prompt, SamplingParams.GREEDY);
        harness.generate(List.of(sequence), 64, 12);
        return sequence.output();
    }

    /// The largest error of a position.
    private static double relativeError(float[][] logits, float[][] expected) {
        double largest = 0;
        for (int t = 0; t < expected.length; t++) {
            double squares = 0;
            double errors = 0;
            for (int i = 0; i < expected[t].length; i++) {
                squares += (double) expected[t][i] * expected[t][i];
                double error = (double) logits[t][i] - expected[t][i];
                errors += error * error;
            }
            double relative = Math.sqrt(errors / squares);
            if (!(relative <= largest)) largest = relative; // also if it is no number
        }
        return largest;
    }

    private CudaRunner open(WeightFiles files, Dtype dtype) {
        ModelConfig config = files.config();
        long bytes = 2L * config.layerCount() * config.kvHeadCount() * config.headDim() * dtype.bytes() * 4 * CONTEXT;
        RunnerSettings settings =
                new RunnerSettings(dtype, dtype, bytes, bytes, BLOCK, CONTEXT, 6, 64, true, true, Gemm.KERNELS, 1);
        return CudaRunner.open(files, settings, CudaRunnerChecks.place(library));
    }

    // --- coming and going

    /// Requests come, are given up, are parked and come back, in a cache too small for them all. Each that
    /// ends by itself has the tokens that the first of its kind had, and in the end nothing is left. A minute
    /// of it has as many requests as an hour of ordinary use of one device.
    void churn(Duration time) throws InterruptedException {
        Random random = new Random(23);
        RandomModel model = new RandomModel(CudaRunnerChecks.MODEL, 11);
        int[][] prompts = new int[8][];
        for (int i = 0; i < prompts.length; i++)
            prompts[i] = random.ints(1 + 6 * i, 0, 89).toArray();
        int[][] answers = new int[prompts.length][];
        long deadlineNs = System.nanoTime() + time.toNanos();
        int ended = 0;
        int cancelled = 0;
        try (Engine engine =
                Engine.start("churn", new EngineSettings(64, true, 40), () -> open(model.files(), Dtype.BFLOAT16))) {
            do {
                List<TokenStream> streams = new ArrayList<>();
                List<Integer> kinds = new ArrayList<>();
                for (int i = 0; i < 12; i++) {
                    int kind = random.nextInt(prompts.length);
                    if (!(engine.submit(request(i, kind, prompts[kind])) instanceof Admission.Admitted admitted))
                        continue;
                    streams.addAll(admitted.streams());
                    kinds.add(kind);
                    if (random.nextInt(4) == 0) admitted.streams().getFirst().cancel();
                }
                for (int i = 0; i < streams.size(); i++) {
                    int[] tokens = await(streams.get(i));
                    FinishReason reason = streams.get(i).ending().orElseThrow().reason();
                    if (reason == FinishReason.CANCELLED) {
                        cancelled++;
                        continue;
                    }
                    expect(reason == FinishReason.LENGTH, "an answer ended with", reason);
                    int kind = kinds.get(i);
                    if (answers[kind] == null) answers[kind] = tokens;
                    expect(Arrays.equals(answers[kind], tokens), "another answer to prompt", kind);
                    ended++;
                }
            } while (System.nanoTime() < deadlineNs);
            expect(engine.drain(Duration.ofMinutes(1)), "requests are left");
            expect(
                    engine.sequences(Duration.ofMinutes(1)).orElseThrow().isEmpty(),
                    "sequences are left"); // and figures are new
            EngineStats.Blocks blocks = engine.stats().blocks();
            expect(blocks.leaked() == 0 && blocks.used() == 0, "blocks are left:", blocks);
        }
        System.out.printf("%,d answers and %,d that were given up: all as they should be%n", ended, cancelled);
    }

    private static GenerationRequest request(int i, int kind, int[] prompt) {
        return new GenerationRequest(
                "r" + i,
                prompt,
                4 + 3 * kind,
                1,
                kind % 2 == 0 ? SamplingParams.GREEDY : RunnerKind.eventful(kind),
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }

    private static int[] await(TokenStream stream) throws InterruptedException {
        int seen = 0;
        while (stream.ending().isEmpty()) {
            stream.await(seen, Duration.ofMinutes(5));
            seen = stream.count();
        }
        int[] tokens = new int[stream.count()];
        for (int i = 0; i < tokens.length; i++) tokens[i] = stream.token(i);
        return tokens;
    }
}

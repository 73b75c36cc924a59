package io.sluice.device;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.TokenStream;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Measures whole models of published shapes on one CUDA device against what the device can do at best,
/// measured in the same run, and says of each goal whether it is reached: `CudaGoals <library> [cold]`. On
/// the emulation tiny shapes show that the measurements run, and nothing else. **Not yet run on a GPU.**
final class CudaGoals {
    private static final int BLOCK = 16;
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final CudaLibrary library;
    private final boolean emulated;
    private final double readBytesPerMs;
    private final double flopsPerMs;

    private CudaGoals(CudaLibrary library) {
        this.library = library;
        emulated = library.isEmulated();
        try (CudaBench bench = new CudaBench(library)) {
            CudaCeilings ceilings = new CudaCeilings(bench);
            readBytesPerMs = ceilings.readBytesPerMs();
            double ours = ceilings.flopsPerMs();
            double libtorchs = ceilings.flopsPerMs(CudaGoals::openTorch);
            flopsPerMs = Math.max(ours, libtorchs);
            System.out.printf(
                    "read bandwidth %.0f GB/s; products of bfloat16: our kernels %.0f TFLOP/s, libtorch %.0f TFLOP/s. The"
                            + " floors below use the best of them%s%n",
                    readBytesPerMs / 1e6,
                    ours / 1e9,
                    libtorchs / 1e9,
                    libtorchs == 0 ? "; WITHOUT libtorch they are easier than the device's" : "");
        }
    }

    public static void main(String[] arguments) throws Exception {
        CudaLibrary library = CudaLibrary.load(Path.of(arguments[0]).toAbsolutePath());
        if (arguments.length > 1) {
            coldStart(library);
            return;
        }
        CudaGoals goals = new CudaGoals(library);
        if (goals.emulated) System.out.println("EMULATED: tiny shapes, figures mean nothing");
        goals.shape("Llama-3.2-1B", ShapedModel.llama1b(16), 80, false);
        goals.shape("Llama-3.1-8B", ShapedModel.llama8b(32), 88, true);
        goals.shape("Qwen3-8B", ShapedModel.qwen8b(36), 88, false);
    }

    /// @param whole the throughput and the time to the first token, too
    private void shape(String name, ModelConfig published, int decodeGoal, boolean whole) throws InterruptedException {
        ModelConfig config = emulated ? CudaRunnerChecks.MODEL : published;
        System.out.println("--- " + name + ", random weights");
        try (ShapedModel model = new ShapedModel(config, 7)) {
            try (CudaRunner runner = open(model)) {
                System.out.println(runner.sizes());
                decode(runner, config, decodeGoal);
                for (int batch : emulated ? new int[] {1, 4} : new int[] {1, 16, 64, 256}) idle(runner, batch);
                if (whole) {
                    for (int length : emulated ? new int[] {64} : new int[] {512, 2048, 8192}) {
                        firstToken(runner, config, length);
                    }
                }
            }
            if (!whole) return;
            throughput(model, emulated ? 10 : 1000, emulated ? 5 : 1000);
            throughput(model, emulated ? 10 : 128, emulated ? 5 : 2048);
        }
    }

    private CudaRunner open(ShapedModel model) {
        return CudaRunner.open(model.files(), settings(model.config()), place());
    }

    private CudaModel.Place place() {
        return new CudaModel.Place(library, new CudaSettings(0, 0.9, !emulated), CudaGoals::openTorch);
    }

    private static TorchDevice openTorch(CudaDevice device) {
        if (!TorchCuda.isOffered(System.getenv())) throw new TorchFailed("none for CUDA is named");
        return TorchCuda.open(device);
    }

    private RunnerSettings settings(ModelConfig config) {
        int context = emulated ? 96 : 10_240;
        int sequences = emulated ? 4 : 256;
        long least = 2L * config.layerCount() * config.kvHeadCount() * config.headDim() * 2 * context;
        return new RunnerSettings(
                Dtype.BFLOAT16,
                Dtype.BFLOAT16,
                emulated ? least * sequences : least,
                0,
                BLOCK,
                context,
                sequences,
                emulated ? 64 : 4096,
                true,
                false,
                Gemm.AUTO,
                1);
    }

    // --- decode at batch 1

    private void decode(CudaRunner runner, ModelConfig config, int goalPercent) {
        int context = emulated ? 20 : 512;
        double ms = runner.deviceMilliseconds(writers(runner, 1, context), emulated ? 2 : 50);
        double bytes = ShapedModel.stepWeightBytes(config)
                + 4.0 * config.layerCount() * config.kvHeadCount() * config.headDim() * context;
        goal(
                "decode at batch 1: %.3f ms a token".formatted(ms),
                "of the read bandwidth",
                bytes / ms / readBytesPerMs,
                goalPercent / 100.0);
    }

    private static StepPlan writers(CudaRunner runner, int count, int context) {
        StepPlan plan = new StepPlan(runner.limits());
        int[] tokens = new int[context];
        int blocks = runner.limits().blocksFor(context);
        for (int i = 0; i < count; i++) {
            int[] table = new int[blocks];
            for (int b = 0; b < blocks; b++)
                table[b] = (i * blocks + b) % runner.limits().blockCount();
            plan.add(tokens, context - 1, 1, table, blocks);
            plan.sample(SamplingParams.GREEDY, tokens, 1, new int[0]);
        }
        return plan;
    }

    // --- what the device waits for the host

    /// Steps that each follow the one before: the time of a step by the clock against the device's own.
    private void idle(CudaRunner runner, int batch) {
        int context = emulated ? 20 : 512;
        int steps = emulated ? 4 : 200;
        double deviceMs = runner.deviceMilliseconds(writers(runner, batch, context), emulated ? 2 : 50);
        StepPlan[] plans = {writers(runner, batch, context), fed(runner, batch, context), fed(runner, batch, context)};
        ModelRunner.InFlightStep before = runner.launch(plans[0]);
        long startedNs = System.nanoTime();
        for (int i = 1; i <= steps; i++) {
            ModelRunner.InFlightStep next = runner.launch(plans[1 + i % 2]);
            before.await();
            before = next;
        }
        before.await();
        double ms = (System.nanoTime() - startedNs) / 1e6 / steps;
        double share = Math.max(0, 1 - deviceMs / ms);
        System.out.printf(
                "a step of %d: %.3f ms, of which the device works %.3f ms: idle %.1f %% (goal: at most 1 %%)%s%n",
                batch, ms, deviceMs, 100 * share, share <= 0.01 ? "" : "  MISSED");
    }

    private static StepPlan fed(CudaRunner runner, int batch, int context) {
        StepPlan plan = new StepPlan(runner.limits());
        int blocks = runner.limits().blocksFor(context);
        for (int i = 0; i < batch; i++) {
            int[] table = new int[blocks];
            for (int b = 0; b < blocks; b++)
                table[b] = (i * blocks + b) % runner.limits().blockCount();
            plan.addFed(i, context - 1, table, blocks);
            plan.sample(SamplingParams.GREEDY, new int[context], 1, new int[0]);
        }
        return plan;
    }

    // --- the first token

    private void firstToken(CudaRunner runner, ModelConfig config, int length) {
        int[] tokens = new Random(length).ints(length, 0, config.vocabSize()).toArray();
        double best = Double.MAX_VALUE;
        for (int run = 0; run < 3; run++) {
            long startedNs = System.nanoTime();
            for (int done = 0; done < length; ) {
                int part = Math.min(length - done, runner.limits().stepTokensMax());
                StepPlan plan = new StepPlan(runner.limits());
                int blocks = runner.limits().blocksFor(done + part);
                int[] table = new int[blocks];
                for (int b = 0; b < blocks; b++) table[b] = b;
                plan.add(tokens, done, part, table, blocks);
                done += part;
                if (done == length) plan.sample(SamplingParams.GREEDY, tokens, length, new int[0]);
                runner.launch(plan).await();
            }
            best = Math.min(best, (System.nanoTime() - startedNs) / 1e6);
        }
        double flops = length * ShapedModel.tokenFlops(config) + attentionFlops(config, length);
        double floor = Math.max(flops / flopsPerMs, ShapedModel.stepWeightBytes(config) / readBytesPerMs);
        System.out.printf(
                "first token after %d: %.2f ms, %.2f times its floor of %.2f ms (goal: at most 1.25)%s%n",
                length, best, best / floor, floor, best <= 1.25 * floor ? "" : "  MISSED");
    }

    /// Scores and sums of a causal prompt, half of the square.
    private static double attentionFlops(ModelConfig config, double length) {
        return 2.0 * config.layerCount() * config.headCount() * config.headDim() * length * length;
    }

    // --- throughput at saturation

    /// As many requests as may run, all at once, against the time that prompts and steps take one after the
    /// other at the device's best.
    private void throughput(ShapedModel model, int input, int output) throws InterruptedException {
        ModelConfig config = model.config();
        RunnerSettings settings = settings(config);
        int count = settings.sequencesMax();
        EngineSettings engineSettings = new EngineSettings(count, false, settings.stepTokensMax());
        try (Engine engine = Engine.start("goals", engineSettings, () -> open(model))) {
            long startedNs = System.nanoTime();
            List<TokenStream> streams = new ArrayList<>();
            Random random = new Random(1);
            for (int i = 0; i < count; i++) {
                int[] prompt = random.ints(input, 0, config.vocabSize()).toArray();
                if (engine.submit(request(i, prompt, output)) instanceof Admission.Admitted admitted) {
                    streams.addAll(admitted.streams());
                }
            }
            long tokens = 0;
            for (TokenStream stream : streams) tokens += await(stream);
            double ms = (System.nanoTime() - startedNs) / 1e6;
            double floor = sequentialMs(config, streams.size(), input, output);
            String what =
                    "%d of %d/%d: %.0f output tokens/s".formatted(streams.size(), input, output, 1000 * tokens / ms);
            goal(what, "of the sequential roofline", floor / ms, 0.95);
        }
    }

    private static GenerationRequest request(int i, int[] prompt, int output) {
        return new GenerationRequest(
                "r" + i,
                prompt,
                output,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }

    private static int await(TokenStream stream) throws InterruptedException {
        int seen = 0;
        while (stream.ending().isEmpty()) {
            stream.await(seen, PATIENCE);
            seen = stream.count();
        }
        return stream.count();
    }

    private double sequentialMs(ModelConfig config, int count, int input, int output) {
        double weights = ShapedModel.stepWeightBytes(config);
        double head = 2.0 * config.vocabSize() * config.hiddenSize();
        double prompts = count * (input * ShapedModel.tokenFlops(config) + attentionFlops(config, input)) / flopsPerMs;
        double kvBytes = 4.0 * config.layerCount() * config.kvHeadCount() * config.headDim(); // of a token
        double context = input + output / 2.0;
        double step = Math.max(weights / readBytesPerMs, count * (ShapedModel.tokenFlops(config) + head) / flopsPerMs)
                + count * context * kvBytes / readBytesPerMs;
        return prompts + output * step;
    }

    // --- cold start

    /// From the process's start to the first token.
    private static void coldStart(CudaLibrary library) {
        ModelConfig config = library.isEmulated() ? CudaRunnerChecks.MODEL : ShapedModel.llama1b(16);
        int context = library.isEmulated() ? 96 : 4096;
        long least = 2L * config.layerCount() * config.kvHeadCount() * config.headDim() * 2 * context;
        RunnerSettings settings = new RunnerSettings(
                Dtype.BFLOAT16, Dtype.BFLOAT16, least, 0, BLOCK, context, 4, 64, true, false, Gemm.KERNELS, 1);
        long startedMs = ManagementFactory.getRuntimeMXBean().getStartTime();
        try (ShapedModel model = new ShapedModel(config, 7)) {
            long preparedMs = System.currentTimeMillis(); // random weights are made, which real ones need not be
            CudaModel.Place place = new CudaModel.Place(library, new CudaSettings(0, 0.9, false), _ -> {
                throw new TorchFailed("not for this");
            });
            try (CudaRunner runner = CudaRunner.open(model.files(), settings, place)) {
                runner.launch(writers(runner, 1, 5)).await();
                long endMs = System.currentTimeMillis();
                System.out.printf(
                        "cold start of the 1B shape: first token %d ms after the start of the process, %d ms of it before"
                                + " the model was opened (weights from memory, not from a file)%n",
                        endMs - startedMs, preparedMs - startedMs);
            }
        }
    }

    private static void goal(String what, String ofWhat, double share, double goal) {
        System.out.printf(
                "%s, %.1f %% %s (goal: %.0f %%)%s%n",
                what, 100 * share, ofWhat, 100 * goal, share >= goal ? "" : "  MISSED");
    }
}

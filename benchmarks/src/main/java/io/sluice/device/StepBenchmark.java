package io.sluice.device;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/// One step of the CPU path on a real model, without engine and HTTP: decoding at several batch sizes, and prompts of
/// several lengths. Prints medians. Lies in the device's package to reach what it measures.
///
/// Arguments: the model, the number of threads, the number of rounds (all processors, 40), `float32` or `decode`.
final class StepBenchmark {
    private static final int[] BATCHES = {1, 2, 4, 8, 16, 32};
    private static final int[] PROMPTS = {100, 512};
    private static final int CONTEXT = 132; // half of 64 tokens after a prompt of 100

    private final LogitsRunner runner;
    private final int rounds;
    private final ModelLimits limits;
    private final StepPlan plan;
    private final int[] tokens;

    private StepBenchmark(LogitsRunner runner, int rounds) {
        this.runner = runner;
        this.rounds = rounds;
        limits = runner.limits();
        plan = new StepPlan(limits);
        tokens = new Random(1).ints(limits.contextMax(), 0, limits.vocabSize()).toArray();
    }

    @SuppressWarnings("SystemOut") // a command-line tool
    public static void main(String[] arguments) throws KernelLibrary.Unavailable {
        int processors = Runtime.getRuntime().availableProcessors();
        int threads = arguments.length > 1 ? Integer.parseInt(arguments[1]) : processors;
        int rounds = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 40;
        String how = arguments.length > 3 ? arguments[3] : "";
        KernelLibrary library = KernelLibrary.load();
        Dtype dtype = how.equals("float32") ? Dtype.FLOAT32 : Dtype.BFLOAT16;
        RunnerSettings settings = new RunnerSettings(
                dtype, dtype, 1L << 30, 0, 16, 1024, 32, 512, !how.equals("decode"), false, Gemm.KERNELS, threads);
        try (ModelFiles model = ModelStore.open(Path.of(arguments[0]))) {
            WeightFiles files = new WeightFiles(model.path(), model.config(), model::tensor);
            long startedNs = System.nanoTime();
            try (FastRunner runner = FastRunner.open(files, settings, library, library.best())) {
                System.out.printf(
                        "%s, %s, %d threads, loaded in %d ms%n",
                        model.name(), library.best().symbol(), threads, (System.nanoTime() - startedNs) / 1_000_000);
                StepBenchmark benchmark = new StepBenchmark(runner, rounds);
                long weightBytes = runner.sizes().weightBytes();
                for (int batch : BATCHES) {
                    double ms = benchmark.decode(batch);
                    System.out.printf(
                            "decode %2d: %6.2f ms, %6.0f tokens/s, %5.1f GB/s of weights%n",
                            batch, ms, batch / ms * 1e3, weightBytes / ms / 1e6);
                }
                for (int length : PROMPTS) {
                    double ms = benchmark.prompt(length);
                    System.out.printf("prompt of %d: %6.1f ms, %6.0f tokens/s%n", length, ms, length / ms * 1e3);
                }
            }
        }
    }

    private double decode(int batch) {
        int blocks = limits.blocksFor(CONTEXT + 1);
        return median(() -> {
            for (int i = 0; i < batch; i++) {
                plan.add(tokens, CONTEXT, 1, blocks(i * blocks, blocks), blocks);
                plan.sample(SamplingParams.GREEDY, tokens, CONTEXT, new int[0]);
            }
        });
    }

    private double prompt(int length) {
        int blocks = limits.blocksFor(length);
        return median(() -> {
            plan.add(tokens, 0, length, blocks(0, blocks), blocks);
            plan.sample(SamplingParams.GREEDY, tokens, length, new int[0]);
        });
    }

    private static int[] blocks(int first, int count) {
        int[] blocks = new int[count];
        Arrays.setAll(blocks, i -> first + i);
        return blocks;
    }

    private double median(Runnable fill) {
        double[] ms = new double[rounds];
        for (int i = -rounds / 4; i < rounds; i++) {
            plan.clear();
            fill.run();
            long startedNs = System.nanoTime();
            StepResult result = runner.launch(plan).await();
            double took = (System.nanoTime() - startedNs) / 1e6;
            if (result.token(0) < 0) throw new AssertionError("no token");
            if (i >= 0) ms[i] = took;
        }
        Arrays.sort(ms);
        return ms[rounds / 2];
    }
}

package io.sluice.device;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import java.util.ArrayDeque;
import java.util.Deque;

/// Runs a model's largest steps before it has a cache, so that everything that CUDA and libtorch load or
/// allocate when they are first used is there when memory is counted, and finds out who multiplies faster.
/// Its keys and values all go to the same block, so what it computes means nothing. The device's thread.
final class CudaRehearsal implements AutoCloseable {
    private static final int RUNS = 5;

    private final CudaModel model;
    private final ModelLimits limits; // of a single block
    private final Deque<AutoCloseable> resources = new ArrayDeque<>(); // last made first
    private final CudaLlama.Inputs inputs;
    private final int[] fedRows;
    private final int[] blocks; // all the same one

    /// What was found out.
    ///
    /// @param graphBytes device memory that the graph of the largest bucket took
    record Outcome(CudaGemmChoice gemm, long graphBytes) {}

    /// @throws NotEnoughMemory if there is no room even for this
    static Outcome of(CudaModel model) {
        try (CudaRehearsal rehearsal = new CudaRehearsal(model)) {
            return rehearsal.run();
        }
    }

    private CudaRehearsal(CudaModel model) {
        this.model = model;
        ModelLimits all = model.limits();
        limits = new ModelLimits(
                1, all.blockSize(), all.contextMax(), all.stepTokensMax(), all.sequencesMax(), all.vocabSize(), 0);
        fedRows = new int[limits.sequencesMax()];
        blocks = new int[limits.sequenceBlocksMax()];
        try {
            CudaRegion memory = own(new CudaRegion(
                    model.device(),
                    model.kvLayout().blockBytes() * model.config().layerCount()));
            inputs = new CudaLlama.Inputs(own(model.newStep(limits)), model.cache(memory, 1));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private <T extends AutoCloseable> T own(T resource) {
        resources.push(resource);
        return resource;
    }

    private Outcome run() {
        StepPlan largest = prompts();
        compute(largest);
        if (model.tryGemm(true)) compute(largest);
        return new Outcome(choose(), graphBytes(writers()));
    }

    private CudaGemmChoice choose() {
        try (CudaStopwatch stopwatch = new CudaStopwatch(model.device(), RUNS)) {
            return model.chooseGemm((matrix, rows, libtorch) -> {
                model.tryGemm(libtorch);
                return stopwatch.median(_ -> model.graph().multiplyForMeasuring(matrix, rows));
            });
        }
    }

    private void compute(StepPlan plan) {
        int samples = fill(plan);
        run(plan, samples);
        model.device().await();
    }

    private int fill(StepPlan plan) {
        int samples = inputs.step().fill(0, plan, plan.tokenCount(), plan.sliceCount(), fedRows);
        for (int row = 0; row < samples; row++) model.sampling().put(0, row, plan, row);
        model.sampling().upload(0, samples);
        return samples;
    }

    private void run(StepPlan plan, int samples) {
        model.graph().computeHidden(inputs, plan.tokenCount(), plan.sliceCount());
        model.graph().computeLogits(inputs, samples);
        model.kernels().sample(model.graph().logits(), limits.vocabSize(), samples, model.sampling());
    }

    private long graphBytes(StepPlan plan) {
        compute(plan);
        int samples = fill(plan);
        long before = model.device().memory().freeBytes();
        CudaDevice.Graph graph = model.device().capture(() -> run(plan, samples));
        try {
            model.device().launch(graph);
            model.device().await();
            return Math.max(0, before - model.device().memory().freeBytes());
        } finally {
            model.device().close(graph);
        }
    }

    /// Prompts that fill a step, as long as they may be.
    private StepPlan prompts() {
        StepPlan plan = new StepPlan(limits);
        int[] tokens = new int[limits.contextMax()];
        while (plan.sliceCount() < limits.sequencesMax()) {
            int length = Math.min(limits.contextMax(), limits.stepTokensMax() - plan.tokenCount());
            if (length == 0) break;
            plan.add(tokens, 0, length, blocks, limits.blocksFor(length));
            plan.sample(SamplingParams.GREEDY, tokens, length, new int[0]);
        }
        return plan;
    }

    /// As many sequences as there may be, each at its last token.
    private StepPlan writers() {
        StepPlan plan = new StepPlan(limits);
        int[] tokens = new int[limits.contextMax()];
        for (int i = 0; i < limits.sequencesMax(); i++) {
            plan.add(tokens, limits.contextMax() - 1, 1, blocks, blocks.length);
            plan.sample(SamplingParams.GREEDY, tokens, 1, new int[0]);
        }
        return plan;
    }

    @Override
    public void close() {
        CudaModel.closeAll(resources);
    }
}

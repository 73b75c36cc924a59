package io.sluice.benchmarks.traffic;

import io.sluice.batching.ModelLimits;
import org.jspecify.annotations.Nullable;

/// One model on one device: what a step costs, and what fits. A value.
///
/// A roofline in sequence: each product takes the longer of reading its weights and multiplying; then each
/// slice's attention takes the longer of reading its keys and values and multiplying; copies to and from host
/// memory and a fixed overhead come on top. Nothing overlaps, as in today's engines.
///
/// @param sequencesMax the most sequences of one step
/// @param stepTokensMax the most tokens of one step
/// @param calibration what a real run's steps took and had room for, which then counts instead of the roofline
record DeviceModel(
        Gpu gpu,
        ModelShape model,
        int sequencesMax,
        int stepTokensMax,
        @Nullable Calibration calibration) {
    static final int BLOCK_SIZE = 16;
    static final int SEQUENCES_MAX = 512;
    static final int STEP_TOKENS_MAX = 2048;

    /// Held back for activations, logits and workspaces: two gigabytes, or a tenth of a small device.
    private static final double ACTIVATION_BYTES_MAX = 2e9;

    /// Host memory for parked sequences.
    private static final double HOST_BYTES = 64e9;

    DeviceModel {
        if (calibration == null
                && cacheBytes(gpu, model) < (double) BLOCK_SIZE * model.kvBytesPerToken() * sequencesMax) {
            throw new IllegalArgumentException(model.name() + " does not fit on " + gpu.name());
        }
    }

    DeviceModel(Gpu gpu, ModelShape model) {
        this(gpu, model, SEQUENCES_MAX, STEP_TOKENS_MAX);
    }

    DeviceModel(Gpu gpu, ModelShape model, int sequencesMax, int stepTokensMax) {
        this(gpu, model, sequencesMax, stepTokensMax, null);
    }

    /// The device and the model of a real run.
    static DeviceModel of(Calibration run) {
        var gpu = new Gpu("the device of " + run.source(), 1, 1, 1, 0, 1);
        var shape = new ModelShape(
                run.model(),
                1,
                1,
                0,
                1,
                1,
                1,
                run.limits().contextMax(),
                run.limits().vocabSize());
        return new DeviceModel(
                gpu, shape, run.limits().sequencesMax(), run.limits().stepTokensMax(), run);
    }

    DeviceModel withStepTokensMax(int tokens) {
        return new DeviceModel(gpu, model, sequencesMax, tokens, calibration);
    }

    ModelLimits limits() {
        if (calibration != null) return calibration.limits(stepTokensMax);
        double blockBytes = (double) BLOCK_SIZE * model.kvBytesPerToken();
        return new ModelLimits(
                (int) (cacheBytes(gpu, model) / blockBytes),
                BLOCK_SIZE,
                model.contextMax(),
                stepTokensMax,
                sequencesMax,
                model.vocabSize(),
                (int) (HOST_BYTES / blockBytes));
    }

    private static double cacheBytes(Gpu gpu, ModelShape model) {
        return gpu.memoryBytes() - model.weightBytes() - Math.min(ACTIVATION_BYTES_MAX, gpu.memoryBytes() / 10);
    }

    /// Requests of this trace that the device could serve each second if nothing but its arithmetic bound it,
    /// and all requests ran at once with as many others as their caches leave room for.
    double roofRate(Trace trace) {
        if (calibration != null) return calibration.roofRate(trace);
        double kvTokens = 0;
        double ns = 0;
        for (TraceRow row : trace.rows()) kvTokens += row.promptTokens() + row.outputTokens();
        kvTokens /= trace.rows().size();
        for (TraceRow row : trace.rows()) ns += roofNs(row, kvTokens);
        return trace.rows().size() / (ns / 1e9);
    }

    /// A request's part of the device's time, if all the others are like it.
    double roofNs(TraceRow row) {
        double kvTokens = row.promptTokens() + row.outputTokens();
        return calibration != null ? calibration.roofNs(row, kvTokens) : roofNs(row, kvTokens);
    }

    private double roofNs(TraceRow row, double kvTokens) {
        double together = Math.clamp(limits().cacheTokens() / kvTokens, 1, sequencesMax);
        var cost = new StepCost(this);
        double promptFlops = 2 * model.bodyParameters() * row.promptTokens();
        cost.slice(row.promptTokens() + row.outputTokens() / 2, 1, true);
        double sharedNs = cost.sharedNs() / together;
        return promptFlops * 1e9 / gpu.flopsPerSecond() + row.outputTokens() * (sharedNs + cost.attentionNs());
    }
}

package io.sluice.benchmarks.traffic;

import org.jspecify.annotations.Nullable;

/// Adds up what one step costs, slice by slice. Hot path: no allocation. One thread.
final class StepCost {
    private final Gpu gpu;
    private final ModelShape model;
    private final double bodyReadNs;
    private final double headReadNs;
    private final double bodyTokenNs; // of multiplying one token
    private final double headTokenNs;
    private final double kvReadNs; // of one token's keys and values
    private final double pairNs; // of one query with one key and its value, over all layers
    private final @Nullable Calibration calibration;
    private int tokens;
    private int sampled;
    private double attentionNs;
    private double copiedBytes;
    private double writing; // the rest for a calibrated device
    private double writingContext;
    private double promptTokens;
    private double promptPairs;

    StepCost(DeviceModel device) {
        calibration = device.calibration();
        gpu = device.gpu();
        model = device.model();
        double byteNs = 1e9 / gpu.bytesPerSecond();
        double flopNs = 1e9 / gpu.flopsPerSecond();
        bodyReadNs = model.bodyParameters() * ModelShape.BYTES_PER_PARAMETER * byteNs;
        headReadNs = model.headParameters() * ModelShape.BYTES_PER_PARAMETER * byteNs;
        bodyTokenNs = 2 * model.bodyParameters() * flopNs;
        headTokenNs = 2 * model.headParameters() * flopNs;
        kvReadNs = model.kvBytesPerToken() * byteNs;
        pairNs = 4.0 * model.layers() * model.queryWidth() * flopNs;
    }

    /// Forgets the last step.
    void begin() {
        tokens = 0;
        sampled = 0;
        attentionNs = 0;
        copiedBytes = 0;
        writing = 0;
        writingContext = 0;
        promptTokens = 0;
        promptPairs = 0;
    }

    /// Adds `length` tokens of one sequence, of which `computed` are in the cache already.
    void slice(int computed, int length, boolean samples) {
        tokens += length;
        if (samples) sampled++;
        double pairs = (double) length * computed + length * (length + 1.0) / 2;
        attentionNs += Math.max((computed + length) * kvReadNs, pairs * pairNs);
        if (samples && length == 1) {
            writing++;
            writingContext += computed + 1.0;
        } else {
            promptTokens += length;
            promptPairs += pairs;
        }
    }

    /// Adds blocks of `positions` tokens that go to host memory or come from there.
    void copies(int blocks, int positions) {
        copiedBytes += (double) blocks * positions * model.kvBytesPerToken();
    }

    /// The step's duration.
    long ns() {
        if (calibration != null) {
            return Math.round(calibration.ns(writing, writingContext, promptTokens, promptPairs));
        }
        return Math.round(sharedNs() + attentionNs);
    }

    double attentionNs() {
        return attentionNs;
    }

    /// What is not of a single slice: products, copies, overhead.
    double sharedNs() {
        double body = tokens == 0 ? 0 : Math.max(bodyReadNs, tokens * bodyTokenNs);
        double head = sampled == 0 ? 0 : Math.max(headReadNs, sampled * headTokenNs);
        double copied = copiedBytes * 1e9 / gpu.hostBytesPerSecond();
        return body + head + copied + gpu.stepOverheadNs();
    }
}

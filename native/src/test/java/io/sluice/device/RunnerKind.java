package io.sluice.device;

import io.sluice.batching.SamplingParams;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFiles;
import java.util.Map;

/// The ways to run a model that tests hold to the same answers.
enum RunnerKind {
    REFERENCE(Dtype.FLOAT32, Gemm.AUTO),
    FAST_FLOAT32(Dtype.FLOAT32, Gemm.KERNELS),
    FAST_BFLOAT16(Dtype.BFLOAT16, Gemm.KERNELS),

    /// Quantised weights as they are stored, where a model has them.
    FAST_QUANTISED(Dtype.BFLOAT16, Gemm.KERNELS),
    LIBTORCH_FLOAT32(Dtype.FLOAT32, Gemm.LIBTORCH),
    LIBTORCH_BFLOAT16(Dtype.BFLOAT16, Gemm.LIBTORCH);

    /// One: on a busy machine libtorch's threads wait for each other far longer than they compute.
    private static final int THREADS = 1;

    private final Dtype dtype;
    private final Gemm gemm;

    RunnerKind(Dtype dtype, Gemm gemm) {
        this.dtype = dtype;
        this.gemm = gemm;
    }

    static WeightFiles files(ModelFiles model) {
        return new WeightFiles(model.path(), model.config(), model::tensor);
    }

    /// A runner with a KV cache for `cacheTokens` tokens in blocks of `blockSize`, and room to park as many.
    LogitsRunner open(WeightFiles files, int blockSize, int cacheTokens) {
        return open(files, blockSize, cacheTokens, cacheTokens);
    }

    /// A runner that was not asked to be deterministic.
    LogitsRunner openFree(WeightFiles files, int blockSize, int cacheTokens) {
        return open(settings(files.config(), blockSize, cacheTokens, cacheTokens, false), files);
    }

    /// A runner with room to park `parkTokens` tokens.
    LogitsRunner open(WeightFiles files, int blockSize, int cacheTokens, int parkTokens) {
        return open(settings(files.config(), blockSize, cacheTokens, parkTokens, true), files);
    }

    private LogitsRunner open(RunnerSettings settings, WeightFiles files) {
        if (this == REFERENCE) return ReferenceRunner.open(files, settings);
        KernelLibrary library = KernelsTest.library();
        return FastRunner.open(files, settings, library, library.best());
    }

    private RunnerSettings settings(
            ModelConfig config, int blockSize, int cacheTokens, int parkTokens, boolean deterministic) {
        long positionBytes = 2L * config.layerCount() * config.kvHeadCount() * config.headDim() * dtype.bytes();
        return new RunnerSettings(
                dtype,
                dtype,
                positionBytes * cacheTokens,
                positionBytes * parkTokens,
                blockSize,
                Math.min(cacheTokens, config.contextMax()),
                32,
                1024,
                this == FAST_QUANTISED,
                deterministic,
                gemm,
                THREADS);
    }

    /// Sampling with everything in it that could depend on more than the sequence.
    static SamplingParams eventful(long seed) {
        return new SamplingParams(
                0.9f, 0.95f, 40, 0.01f, seed, 0.1f, 0.1f, 1.1f, 0, Map.of(), SamplingParams.NO_LOGPROBS);
    }
}

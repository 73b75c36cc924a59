package io.sluice.device;

import io.sluice.batching.SamplingParams;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFiles;
import java.util.Map;

/// The ways to run a model that tests hold to the same answers.
enum RunnerKind {
    REFERENCE(Dtype.FLOAT32, Gemm.AUTO, 1),
    FAST_FLOAT32(Dtype.FLOAT32, Gemm.KERNELS, 16),
    FAST_BFLOAT16(Dtype.BFLOAT16, Gemm.KERNELS, 16),
    LIBTORCH_FLOAT32(Dtype.FLOAT32, Gemm.LIBTORCH, 16),
    LIBTORCH_BFLOAT16(Dtype.BFLOAT16, Gemm.LIBTORCH, 16);

    /// One: on a busy machine libtorch's threads wait for each other far longer than they compute.
    private static final int THREADS = 1;

    private final Dtype dtype;
    private final Gemm gemm;
    private final int blockSizeMin;

    RunnerKind(Dtype dtype, Gemm gemm, int blockSizeMin) {
        this.dtype = dtype;
        this.gemm = gemm;
        this.blockSizeMin = blockSizeMin;
    }

    static WeightFiles files(ModelFiles model) {
        return new WeightFiles(model.path(), model.config(), model::tensor);
    }

    /// A runner with a KV cache for `cacheTokens` tokens in blocks of `blockSize`, or what the runner needs at least.
    LogitsRunner open(WeightFiles files, int blockSize, int cacheTokens) {
        return open(settings(files.config(), Math.max(blockSize, blockSizeMin), cacheTokens, true), files);
    }

    /// A runner that was not asked to be deterministic.
    LogitsRunner openFree(WeightFiles files, int blockSize, int cacheTokens) {
        return open(settings(files.config(), Math.max(blockSize, blockSizeMin), cacheTokens, false), files);
    }

    private LogitsRunner open(RunnerSettings settings, WeightFiles files) {
        if (this == REFERENCE) return ReferenceRunner.open(files, settings);
        KernelLibrary library = KernelsTest.library();
        return FastRunner.open(files, settings, library, library.best());
    }

    private RunnerSettings settings(ModelConfig config, int blockSize, int cacheTokens, boolean deterministic) {
        long positionBytes = 2L * config.layerCount() * config.kvHeadCount() * config.headDim() * dtype.bytes();
        return new RunnerSettings(
                dtype,
                dtype,
                positionBytes * cacheTokens,
                blockSize,
                Math.min(cacheTokens, config.contextMax()),
                32,
                1024,
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

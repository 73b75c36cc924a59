package io.sluice.device;

/// What an operator decides about one model on one device. A value.
///
/// @param dtype what weights and activations are computed in
/// @param kvDtype what keys and values are stored in
/// @param kvCacheBytes memory for keys and values; decides the number of blocks
/// @param parkBytes host memory for keys and values of parked sequences; 0 if none are parked
/// @param blockSize token positions per KV block; a power of two
/// @param contextMax the most tokens of one sequence
/// @param sequencesMax the most sequences in one step
/// @param stepTokensMax the most tokens in one step
/// @param keepsQuantised weights of 4 and 8 bits stay as they are stored and are multiplied by bytes, where
/// the kernels can and `dtype` is not float32
/// @param deterministic tokens must not depend on the batch or on chunking, also below float32
/// @param gemm who multiplies matrices on the fast path
/// @param threads CPU threads that compute a step
public record RunnerSettings(
        Dtype dtype,
        Dtype kvDtype,
        long kvCacheBytes,
        long parkBytes,
        int blockSize,
        int contextMax,
        int sequencesMax,
        int stepTokensMax,
        boolean keepsQuantised,
        boolean deterministic,
        Gemm gemm,
        int threads) {

    /// The same with another KV cache.
    RunnerSettings withKvCacheBytes(long bytes) {
        return new RunnerSettings(
                dtype,
                kvDtype,
                bytes,
                parkBytes,
                blockSize,
                contextMax,
                sequencesMax,
                stepTokensMax,
                keepsQuantised,
                deterministic,
                gemm,
                threads);
    }

    /// Who multiplies matrices on the fast path.
    public enum Gemm {
        /// Whichever is faster here and keeps what the other settings promise.
        AUTO,
        /// Our own kernels.
        KERNELS,
        LIBTORCH
    }

    /// Number formats that a model can be computed in.
    public enum Dtype {
        FLOAT32(4),
        BFLOAT16(2);

        private final int bytes;

        Dtype(int bytes) {
            this.bytes = bytes;
        }

        public int bytes() {
            return bytes;
        }
    }
}

package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.MemorySegment;

/// How the fast path multiplies activations by weights: who does it, and what memory layout that wants. Made and closed
/// with a runner; engine thread only, but for `Matrix.put`.
sealed interface Products extends AutoCloseable permits KernelProducts, TorchProducts {

    /// Rows of activations that buffers have room for come in whole tiles of as many, whoever multiplies.
    int TILE_ROWS = 16;

    /// What enters a product.
    Dtype activations();

    /// Numbers from one row of activations that enter a product to the next.
    int stride(int width);

    /// Memory of a weight matrix.
    long bytes(int rows, int columns);

    /// Memory beyond weights and activations.
    long scratchBytes();

    /// A weight matrix in zeroed memory of `bytes(rows, columns)` that the caller owns.
    Matrix matrix(long address, int rows, int columns);

    @Override
    void close();

    /// A weight matrix `[rows, columns]`, in whatever order it is multiplied fastest. Filled by any threads, then used
    /// by
    /// the engine thread. But for `put` hot path, no allocation in steady state.
    interface Matrix {
        /// Stores rows `[first, first + count)`, float32, `columns` apart; `first` is a multiple of 16, `count` at
        /// most 16.
        void put(int first, int count, MemorySegment floats);

        /// `out[r, :] = row tokens[r]`, float32.
        void embed(long tokens, Kernels.Rows out, int rowCount);

        /// `y = x * matrix^T`, float32.
        void multiply(Kernels.Rows x, Kernels.Rows y, int rowCount);

        /// `y += x * matrix^T`, float32.
        void multiplyAdd(Kernels.Rows x, Kernels.Rows y, int rowCount);
    }
}

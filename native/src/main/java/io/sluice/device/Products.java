package io.sluice.device;

/// How the fast path multiplies activations by weights: who does it, and what memory layout that wants. Made and closed
/// with a runner; engine thread only, but for the filling of a `Matrix`.
sealed interface Products extends AutoCloseable permits KernelProducts, TorchProducts {

    /// Rows of activations that buffers have room for come in whole tiles of as many, whoever multiplies.
    int TILE_ROWS = 16;

    /// What a weight matrix is kept as.
    Format format(FusedWeights.Matrix weights);

    /// Memory of a weight matrix.
    long bytes(int rows, int columns, Format format);

    /// Memory for `count` rows of activations of this width, whatever matrix they are multiplied by.
    long inputBytes(long count, int width);

    /// Rows of activations at an address, in a format that one of the matrices wants.
    Kernels.Rows input(long address, int width, Format format);

    /// Memory beyond weights and activations.
    long scratchBytes();

    /// A weight matrix in zeroed memory of `bytes(rows, columns, format)` that the caller owns.
    Matrix matrix(long address, int rows, int columns, Format format);

    @Override
    void close();

    /// A weight matrix `[rows, columns]`, in whatever order it is multiplied fastest. Filled by any threads, then used
    /// by the engine thread. But for the filling hot path, no allocation in steady state.
    interface Matrix {

        /// What enters a product with it.
        Format inputs();

        /// Stores rows `[first, end)` of `weights`; `first` is a multiple of 16.
        void put(FusedWeights.Matrix weights, int first, int end);

        /// `out[r, :] = row tokens[r]`, float32.
        void embed(long tokens, Kernels.Rows out, int rowCount);

        /// `y = x * matrix^T`, float32.
        void multiply(Kernels.Rows x, Kernels.Rows y, int rowCount);

        /// `y += x * matrix^T`, float32.
        void multiplyAdd(Kernels.Rows x, Kernels.Rows y, int rowCount);
    }
}

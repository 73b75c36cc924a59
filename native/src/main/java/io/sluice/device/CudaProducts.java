package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;

/// Decides which kernel multiplies by a matrix on a CUDA device, and what it is given. A value.
///
/// Few rows wait for the weights to arrive, many for arithmetic: each has its kernel, and they add up in different
/// orders. Where tokens must not depend on the batch (`deterministic`), the one for many rows does it all.
///
/// @param weights what weights become that are not kept as they are stored
record CudaProducts(CudaKernels kernels, Dtype weights, boolean keepsQuantised, boolean deterministic) {

    /// Numbers of bfloat16 that the kernels read at once.
    private static final int RUN = 8;

    /// What a weight matrix is kept as.
    Format format(FusedWeights.Matrix matrix) {
        TensorType type = matrix.parts().getFirst().type();
        boolean alike = matrix.parts().stream().allMatch(part -> part.type() == type);
        boolean wholeBlocks = matrix.inputRun() % Format.BLOCK == 0 && matrix.columns() % Format.BLOCK == 0;
        if (!keepsQuantised || !alike || !wholeBlocks) return Format.of(weights);
        return switch (type) {
            case Q8_0 -> Format.INT8;
            case Q4_0, Q4_1 -> Format.INT4;
            default -> Format.of(weights);
        };
    }

    /// What enters a product of so many rows.
    Format inputs(CudaMatrix matrix, int rows) {
        return switch (matrix.format()) {
            case FLOAT32 -> Format.FLOAT32;
            case BFLOAT16 -> Format.BFLOAT16;
            case INT8, INT4 -> isFew(rows) ? Format.INT8 : Format.BFLOAT16;
        };
    }

    /// `y = x matrix^T`; `x` is of the format that `inputs` says.
    void multiply(Kernels.Rows x, CudaMatrix matrix, Kernels.Rows y, int rows) {
        multiply(x, matrix, y, rows, false);
    }

    /// `y += x matrix^T`.
    void multiplyAdd(Kernels.Rows x, CudaMatrix matrix, Kernels.Rows y, int rows) {
        multiply(x, matrix, y, rows, true);
    }

    private void multiply(Kernels.Rows x, CudaMatrix matrix, Kernels.Rows y, int rows, boolean accumulate) {
        boolean tensorCores = matrix.format() != Format.FLOAT32 && matrix.columns() % RUN == 0;
        if (!tensorCores) kernels.multiplyPlain(x, matrix, y, rows, accumulate);
        else if (isFew(rows)) kernels.multiplyFew(x, matrix, y, rows, accumulate);
        else kernels.multiplyMany(x, matrix, y, rows, accumulate);
    }

    private boolean isFew(int rows) {
        return !deterministic && rows <= CudaKernels.FEW_ROWS;
    }
}

package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import org.jspecify.annotations.Nullable;

/// Decides which kernel multiplies by a matrix on a CUDA device, and what it is given. A value.
///
/// Few rows wait for the weights to arrive, many for arithmetic: each has its kernel, and they add up in
/// different orders. Where tokens must not depend on the batch (`deterministic`), the one for many rows
/// does it all.
///
/// @param weights what weights become that are not kept as they are stored
/// @param torch multiplies many rows of bfloat16 where it is there and faster; never where tokens must not
/// depend on the batch, since cuBLAS chooses its order by the shape
record CudaProducts(
        CudaKernels kernels,
        Dtype weights,
        boolean keepsQuantised,
        boolean deterministic,
        @Nullable CudaTorch torch) {

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
    ///
    /// @param y room for float32
    /// @return where the product stands and in which format: `y`, or bfloat16 in the same place
    Kernels.Rows multiply(Kernels.Rows x, CudaMatrix matrix, Kernels.Rows y, int rows) {
        if (torch != null && isLibtorchs(matrix, rows)) return torch.multiply(x, matrix, y.address(), rows);
        multiply(x, matrix, y, rows, false);
        return y;
    }

    /// `y += x matrix^T`.
    ///
    /// @param scratch room for as many rows of float32 as `y` has, of no use to anybody now
    void multiplyAdd(Kernels.Rows x, CudaMatrix matrix, Kernels.Rows y, int rows, long scratch) {
        if (torch == null || !isLibtorchs(matrix, rows)) multiply(x, matrix, y, rows, true);
        else kernels.add(y, torch.multiply(x, matrix, scratch, rows), rows, matrix.rows());
    }

    /// `y = x matrix^T` in float32, which decides tokens: by our kernels, however many rows there are.
    void multiplyInFloat32(Kernels.Rows x, CudaMatrix matrix, Kernels.Rows y, int rows) {
        multiply(x, matrix, y, rows, false);
    }

    private boolean isLibtorchs(CudaMatrix matrix, int rows) {
        return torch != null && !deterministic && rows > CudaKernels.FEW_ROWS && torch.serves(matrix, rows);
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

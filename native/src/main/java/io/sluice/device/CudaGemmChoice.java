package io.sluice.device;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/// Decides from how many rows on libtorch multiplies by matrices of each shape in place of our kernels, and
/// says why. A value.
record CudaGemmChoice(List<Shape> shapes, String why) {

    /// Our kernels do it all.
    static final CudaGemmChoice NONE = new CudaGemmChoice(List.of(), "not chosen yet");

    /// Rows at which both are measured. What lies between is taken to behave like the next that was measured.
    private static final int[] MEASURED_ROWS = {32, 64, 128, 256, 512, 1024, 2048, 4096};

    /// A call of libtorch costs the thread that makes it some microseconds more than one of ours: it must
    /// gain something.
    private static final double GAIN_MIN = 1.03;

    /// @param fromRows the least number of rows that libtorch gets; `Integer.MAX_VALUE` if it gets none
    record Shape(int rows, int columns, int fromRows) {}

    CudaGemmChoice {
        shapes = List.copyOf(shapes);
    }

    static CudaGemmChoice none(String why) {
        return new CudaGemmChoice(List.of(), why);
    }

    /// All that our kernels for few rows do not take.
    static CudaGemmChoice always(List<CudaMatrix> matrices, String why) {
        return new CudaGemmChoice(
                matrices.stream()
                        .map(each -> new Shape(each.rows(), each.columns(), CudaKernels.FEW_ROWS + 1))
                        .toList(),
                why);
    }

    /// What one product takes, in milliseconds.
    interface Measurement {
        double milliseconds(CudaMatrix matrix, int rows, boolean libtorch);
    }

    /// Measures both with each matrix; those of one shape behave alike.
    ///
    /// @param rowsMax the most rows of a step
    static CudaGemmChoice measured(List<CudaMatrix> matrices, int rowsMax, Measurement measurement) {
        List<Shape> shapes = new ArrayList<>();
        for (CudaMatrix matrix : matrices) {
            if (!CudaTorch.canMultiply(matrix)) continue;
            int from = fromRows(
                    rowsMax,
                    rows -> measurement.milliseconds(matrix, rows, false)
                            > GAIN_MIN * measurement.milliseconds(matrix, rows, true));
            shapes.add(new Shape(matrix.rows(), matrix.columns(), from));
        }
        return new CudaGemmChoice(shapes, "measured at start");
    }

    /// The least number of rows from which on libtorch is faster wherever it was measured.
    private static int fromRows(int rowsMax, IntPredicate libtorchIsFaster) {
        int from = Integer.MAX_VALUE;
        for (int i = MEASURED_ROWS.length - 1; i >= 0; i--) {
            if (MEASURED_ROWS[i] > rowsMax) continue;
            if (!libtorchIsFaster.test(MEASURED_ROWS[i])) break;
            from = 1 + (i == 0 ? CudaKernels.FEW_ROWS : MEASURED_ROWS[i - 1]);
        }
        return from;
    }

    /// The least number of rows that libtorch gets with this matrix.
    int fromRows(CudaMatrix matrix) {
        for (int i = 0; i < shapes.size(); i++) {
            Shape each = shapes.get(i);
            if (each.rows == matrix.rows() && each.columns == matrix.columns()) return each.fromRows;
        }
        return Integer.MAX_VALUE;
    }

    /// For the log: who multiplies many rows.
    @Override
    public String toString() {
        int least = Integer.MAX_VALUE;
        for (Shape each : shapes) least = Math.min(least, each.fromRows);
        return (least == Integer.MAX_VALUE
                        ? "our kernels"
                        : "libtorch from %,d rows on, else our kernels".formatted(least))
                + " (" + why + ")";
    }
}

package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;

/// A weight matrix `[rows, columns]` in the kernels' order: panels of 16 rows (output columns), an even number of
/// panels, inside a panel one input column after the other, bf16 in pairs (`gemm.c`). A value; does not own the memory.
record PackedMatrix(long address, int rows, int columns, Dtype dtype) {
    static final int PANEL = 16;

    /// Rows as the kernels see them: whole pairs of panels. Outputs have room for as many columns.
    static int padded(int rows) {
        return Math.ceilDiv(rows, 2 * PANEL) * 2 * PANEL;
    }

    static long bytes(int rows, int columns, Dtype dtype) {
        return (long) padded(rows) * paddedColumns(columns, dtype) * dtype.bytes();
    }

    int panelCount() {
        return padded(rows) / PANEL;
    }

    long panelAddress(int panel) {
        return address + (long) panel * PANEL * paddedColumns(columns, dtype) * dtype.bytes();
    }

    private static int paddedColumns(int columns, Dtype dtype) {
        return dtype == Dtype.BFLOAT16 ? Math.ceilDiv(columns, 2) * 2 : columns;
    }
}

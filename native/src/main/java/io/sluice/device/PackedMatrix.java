package io.sluice.device;

/// A weight matrix `[rows, columns]` in the kernels' order: panels of 16 rows (output columns), an even number of them,
/// two of them interleaved, by one input column in float32 and two in bf16 (`gemm.c`), by blocks of 32 in bytes and
/// half bytes (`quant.h`). A value; does not own the memory.
record PackedMatrix(long address, int rows, int columns, Format format) {
    static final int PANEL = 16;

    /// Rows as the kernels see them: whole pairs of panels. Outputs have room for as many columns.
    static int padded(int rows) {
        return Math.ceilDiv(rows, 2 * PANEL) * 2 * PANEL;
    }

    static long bytes(int rows, int columns, Format format) {
        return padded(rows) / PANEL * panelBytes(columns, format);
    }

    int panelCount() {
        return padded(rows) / PANEL;
    }

    /// Where the pair begins that the panel is in.
    long pairAddress(int panel) {
        return address + panel / 2 * 2L * panelBytes(columns, format);
    }

    private static long panelBytes(int columns, Format format) {
        return switch (format) {
            case FLOAT32 -> columns * (PANEL * 4L);
            case BFLOAT16 -> Math.ceilDiv(columns, 2) * (PANEL * 4L);
            case INT8 -> columns / Format.BLOCK * (PANEL * (Format.BLOCK + 2L));
            case INT4 -> columns / Format.BLOCK * (PANEL * (Format.BLOCK / 2 + 4L));
        };
    }
}

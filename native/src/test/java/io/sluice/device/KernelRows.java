package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/// Matrices in native memory for kernel tests: rows padded with zeros as kernels want them, and read back.
final class KernelRows {
    private final MemorySegment memory;
    private final int stride;
    private final Dtype dtype;

    KernelRows(Arena arena, int rows, int columns, Dtype dtype) {
        this.stride = PackedMatrix.padded(columns) + 16;
        this.dtype = dtype;
        this.memory = arena.allocate((long) rows * stride * dtype.bytes(), 64);
    }

    static KernelRows of(Arena arena, float[][] values, Dtype dtype) {
        KernelRows rows = new KernelRows(arena, values.length, values[0].length, dtype);
        for (int r = 0; r < values.length; r++) {
            for (int i = 0; i < values[r].length; i++) rows.set(r, i, values[r][i]);
        }
        return rows;
    }

    Kernels.Rows rows() {
        return new Kernels.Rows(memory.address(), stride, Format.of(dtype));
    }

    /// The same rows from `row` on.
    Kernels.Rows from(int row) {
        return new Kernels.Rows(memory.address() + (long) row * stride * dtype.bytes(), stride, Format.of(dtype));
    }

    float get(int row, int column) {
        long at = (long) row * stride + column;
        return dtype == Dtype.FLOAT32
                ? memory.getAtIndex(JAVA_FLOAT, at)
                : Float.intBitsToFloat(memory.getAtIndex(JAVA_SHORT, at) << 16);
    }

    void set(int row, int column, float value) {
        long at = (long) row * stride + column;
        if (dtype == Dtype.FLOAT32) memory.setAtIndex(JAVA_FLOAT, at, value);
        else memory.setAtIndex(JAVA_SHORT, at, (short) (Float.floatToRawIntBits(round(value)) >> 16));
    }

    float[] row(int row, int columns) {
        float[] values = new float[columns];
        for (int i = 0; i < columns; i++) values[i] = get(row, i);
        return values;
    }

    static PackedMatrix pack(Kernels kernels, Arena arena, float[][] weights, Dtype dtype) {
        int columns = weights[0].length;
        MemorySegment packed = arena.allocate(PackedMatrix.bytes(weights.length, columns, Format.of(dtype)), 64);
        PackedMatrix matrix = new PackedMatrix(packed.address(), weights.length, columns, Format.of(dtype));
        MemorySegment panel = arena.allocate(JAVA_FLOAT, (long) PackedMatrix.PANEL * columns);
        for (int p = 0; p < matrix.panelCount(); p++) {
            int count = Math.clamp(weights.length - p * PackedMatrix.PANEL, 0, PackedMatrix.PANEL);
            for (int r = 0; r < count; r++) {
                MemorySegment.copy(
                        weights[p * PackedMatrix.PANEL + r],
                        0,
                        panel,
                        JAVA_FLOAT,
                        (long) r * columns * Float.BYTES,
                        columns);
            }
            kernels.pack(panel.address(), count, matrix, p);
        }
        return matrix;
    }

    static float[][] random(Random random, int rows, int columns) {
        float[][] values = new float[rows][columns];
        for (float[] row : values) {
            for (int i = 0; i < columns; i++) row[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /// To the nearest bf16, ties to even.
    static float round(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
    }

    static float rounded(float value, Dtype dtype) {
        return dtype == Dtype.FLOAT32 ? value : round(value);
    }

    static MemorySegment ints(Arena arena, int... values) {
        return arena.allocateFrom(JAVA_INT, values);
    }

    static MemorySegment longs(Arena arena, long... values) {
        return arena.allocateFrom(JAVA_LONG, values);
    }
}

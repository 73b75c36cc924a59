package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.sluice.modelstore.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Decides whether an instruction set computes right on this processor: a small product in every format of numbers,
/// which comes out exactly. What a processor names and gets wrong, as emulators and hypervisors have done, is not used.
/// Any thread.
final class KernelSelfTest {
    private static final int WIDTH = 64; // two quantised blocks, two pairs of panels
    private static final int ROWS = 7; // more than one tile of any set has, and odd
    private static final short ONE_F16 = 0x3c00;

    private final Kernels kernels;
    private final Arena arena;

    private KernelSelfTest(Kernels kernels, Arena arena) {
        this.kernels = kernels;
        this.arena = arena;
    }

    static boolean passes(KernelLibrary library, InstructionSet set) {
        try (Kernels kernels = new Kernels(library, set, 1);
                Arena arena = Arena.ofConfined()) {
            KernelSelfTest test = new KernelSelfTest(kernels, arena);
            boolean floats =
                    test.multiplies(Format.FLOAT32, Format.FLOAT32) && test.multiplies(Format.FLOAT32, Format.BFLOAT16);
            boolean halves = !set.multipliesBf16() || test.multiplies(Format.BFLOAT16, Format.BFLOAT16);
            return floats
                    && halves
                    && test.multiplies(Format.INT8, Format.INT8)
                    && test.multiplies(Format.INT8, Format.INT4);
        }
    }

    private boolean multiplies(Format inputs, Format weights) {
        PackedMatrix matrix = weights.isQuantised() ? packStored(weights) : pack(weights);
        Kernels.Rows x = inputs == Format.INT8 ? bytes() : numbers(inputs);
        int stride = 2 * WIDTH;
        MemorySegment y = arena.allocate((long) ROWS * stride * Float.BYTES, Region.ALIGNMENT);
        kernels.multiply(x, matrix, new Kernels.Rows(y.address(), stride, Format.FLOAT32), ROWS);
        for (int row = 0; row < ROWS; row++) {
            for (int column = 0; column < WIDTH; column++) {
                int expected = 0;
                for (int i = 0; i < WIDTH; i++) expected += input(row, i) * weight(column, i);
                if (y.getAtIndex(JAVA_FLOAT, (long) row * stride + column) != expected) return false;
            }
        }
        return true;
    }

    private static int input(int row, int i) {
        return (row + 3 * i) % 11 - 5;
    }

    /// What half a byte can hold.
    private static int weight(int column, int i) {
        return (5 * column + i) % 16;
    }

    private PackedMatrix pack(Format format) {
        PackedMatrix matrix = matrix(format);
        MemorySegment rows = arena.allocate((long) PackedMatrix.PANEL * WIDTH * Float.BYTES, Region.ALIGNMENT);
        for (int panel = 0; panel < matrix.panelCount(); panel++) {
            for (int column = 0; column < PackedMatrix.PANEL; column++) {
                for (int i = 0; i < WIDTH; i++) {
                    float value = weight(panel * PackedMatrix.PANEL + column, i);
                    rows.setAtIndex(JAVA_FLOAT, (long) column * WIDTH + i, value);
                }
            }
            kernels.pack(rows.address(), PackedMatrix.PANEL, matrix, panel);
        }
        return matrix;
    }

    /// As a file would store them: scales of 1, minima of 0.
    private PackedMatrix packStored(Format format) {
        TensorType type = format == Format.INT8 ? TensorType.Q8_0 : TensorType.Q4_1;
        PackedMatrix matrix = matrix(format);
        int first = type.blockBytes() - (format == Format.INT8 ? Format.BLOCK : Format.BLOCK / 2);
        for (int panel = 0; panel < matrix.panelCount(); panel++) {
            MemorySegment rows = arena.allocate(PackedMatrix.PANEL * type.bytes(WIDTH), Region.ALIGNMENT);
            long at = 0;
            for (int column = panel * 16; column < (panel + 1) * 16; column++) {
                for (int block = 0; block < WIDTH; block += Format.BLOCK, at += type.blockBytes()) {
                    rows.set(JAVA_SHORT_UNALIGNED, at, ONE_F16);
                    for (int i = 0; i < Format.BLOCK; i++) {
                        boolean high = format == Format.INT4 && i >= Format.BLOCK / 2;
                        long place = at + first + (high ? i - Format.BLOCK / 2 : i);
                        int bits = weight(column, block + i) << (high ? 4 : 0);
                        rows.set(JAVA_BYTE, place, (byte) (rows.get(JAVA_BYTE, place) | bits));
                    }
                }
            }
            kernels.packStored(type, rows.address(), PackedMatrix.PANEL, matrix, panel);
        }
        return matrix;
    }

    private PackedMatrix matrix(Format format) {
        long address = arena.allocate(PackedMatrix.bytes(WIDTH, WIDTH, format), Region.ALIGNMENT)
                .address();
        return new PackedMatrix(address, WIDTH, WIDTH, format);
    }

    private Kernels.Rows numbers(Format format) {
        MemorySegment memory = arena.allocate((long) ROWS * WIDTH * format.unitBytes(), Region.ALIGNMENT);
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < WIDTH; i++) {
                long at = (long) row * WIDTH + i;
                float value = input(row, i);
                if (format == Format.FLOAT32) memory.setAtIndex(JAVA_FLOAT, at, value);
                else memory.setAtIndex(JAVA_SHORT, at, WeightReader.bfloat16(value));
            }
        }
        return new Kernels.Rows(memory.address(), WIDTH, format);
    }

    /// Rows of bytes as `quant.h` has them, with scales of 1.
    private Kernels.Rows bytes() {
        int blocks = WIDTH / Format.BLOCK;
        int blockBytes = Format.INT8.unitBytes();
        MemorySegment memory = arena.allocate((long) ROWS * blocks * blockBytes, Region.ALIGNMENT);
        long at = 0;
        for (int row = 0; row < ROWS; row++) {
            for (int block = 0; block < WIDTH; block += Format.BLOCK, at += blockBytes) {
                int sum = 0;
                for (int i = 0; i < Format.BLOCK; i++) {
                    memory.set(JAVA_BYTE, at + i, (byte) input(row, block + i));
                    sum += input(row, block + i);
                }
                memory.set(JAVA_FLOAT, at + 32, 1f);
                memory.set(JAVA_FLOAT, at + 36, sum);
                memory.set(JAVA_INT, at + 40, -128 * sum);
            }
        }
        return new Kernels.Rows(memory.address(), blocks, Format.INT8);
    }
}

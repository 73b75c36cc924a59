package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Products with weights of 8 and 4 bits, and the rows that enter them, against plain Java in every instruction set.
class QuantKernelsTest {
    private static final long SEED = 8112;
    private static final int BLOCK = Format.BLOCK;
    private static final TensorType[] TYPES = {TensorType.Q8_0, TensorType.Q4_0, TensorType.Q4_1};
    private static final int[] ROW_COUNTS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 31, 97};

    private final Random random = new Random(SEED);

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void multipliesMatricesOfAnySize(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 2)) {
            for (TensorType type : TYPES) {
                for (int m : ROW_COUNTS) {
                    for (int n : new int[] {1, 16, 17, 33, 64}) {
                        for (int k : new int[] {32, 64, 160}) multipliesOne(kernels, type, m, n, k);
                    }
                }
            }
        }
    }

    private void multipliesOne(Kernels kernels, TensorType type, int m, int n, int k) {
        try (Arena arena = Arena.ofConfined()) {
            Quantised x = quantise(kernels, arena, KernelRows.random(random, m, k));
            Stored w = store(arena, type, n, k);
            PackedMatrix packed = pack(kernels, arena, w, n, k);
            KernelRows product = new KernelRows(arena, m, n, Dtype.FLOAT32);
            float[][] before = KernelRows.random(random, m, n);
            KernelRows sum = KernelRows.of(arena, before, Dtype.FLOAT32);

            kernels.multiply(x.rows, packed, product.rows(), m);
            kernels.multiplyAdd(x.rows, packed, sum.rows(), m);

            for (int r = 0; r < m; r++) {
                for (int c = 0; c < n; c++) {
                    double dot = 0;
                    double magnitude = 0;
                    for (int i = 0; i < k; i++) {
                        dot += (double) x.values[r][i] * w.values[c][i];
                        magnitude += Math.abs((double) x.values[r][i] * w.values[c][i]);
                    }
                    assertThat((double) product.get(r, c))
                            .as("%s %d x %d x %d, row %d, column %d, seed %d", type, m, n, k, r, c, SEED)
                            .isCloseTo(dot, within(1e-5 * magnitude + 1e-9));
                    assertThat(sum.get(r, c)).isEqualTo(before[r][c] + product.get(r, c));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void aRowsProductIsTheSameBitByBitAmongAnyOthers(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 2);
                Arena arena = Arena.ofConfined()) {
            int n = 80;
            int k = 192;
            for (TensorType type : TYPES) {
                Quantised x = quantise(kernels, arena, KernelRows.random(random, 97, k));
                PackedMatrix w = pack(kernels, arena, store(arena, type, n, k), n, k);
                KernelRows alone = new KernelRows(arena, 97, n, Dtype.FLOAT32);
                for (int r = 0; r < 97; r++) kernels.multiply(x.from(r), w, alone.from(r), 1);
                for (int m : ROW_COUNTS) {
                    KernelRows together = new KernelRows(arena, m, n, Dtype.FLOAT32);
                    kernels.multiply(x.rows, w, together.rows(), m);
                    for (int r = 0; r < m; r++) assertThat(together.row(r, n)).isEqualTo(alone.row(r, n));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void roundsRowsToTheNearestOf255StepsOfEachBlock(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 1);
                Arena arena = Arena.ofConfined()) {
            float[][] x = KernelRows.random(random, 5, 96);
            for (int i = 32; i < 64; i++) x[2][i] = 0f;
            for (int i = 0; i < 96; i++) x[3][i] *= 1e-15f;
            Quantised rounded = quantise(kernels, arena, x);
            for (int r = 0; r < 5; r++) {
                for (int i = 0; i < 96; i++) {
                    float step = rounded.scale(r, i / BLOCK);
                    assertThat(rounded.values[r][i]).isCloseTo(rounded.exact[r][i], within(0.501f * step));
                }
                for (int block = 0; block < 3; block++) {
                    assertThat(rounded.largest(r, block)).isEqualTo(r == 2 && block == 1 ? 0 : 127);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void aNumberThatIsNoneSpoilsItsRowAndNoOther(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 1);
                Arena arena = Arena.ofConfined()) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                float[][] gateUp = KernelRows.random(random, 3, 128);
                KernelRows input = KernelRows.of(arena, gateUp, Dtype.FLOAT32);
                input.set(1, 64 + 40, bad);
                Kernels.Rows x = new Kernels.Rows(arena.allocate(3 * 2 * 44, 64).address(), 2, Format.INT8);
                kernels.siluMul(input.rows(), x, 3, 64);
                PackedMatrix w = pack(kernels, arena, store(arena, TensorType.Q8_0, 16, 64), 16, 64);
                KernelRows y = new KernelRows(arena, 3, 16, Dtype.FLOAT32);
                kernels.multiply(x, w, y.rows(), 3);
                for (int c = 0; c < 16; c++) {
                    assertThat(Float.isFinite(y.get(0, c)) && Float.isFinite(y.get(2, c)))
                            .isTrue();
                    assertThat(Float.isFinite(y.get(1, c))).isFalse();
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void embedsWhatTheTableHolds(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 1);
                Arena arena = Arena.ofConfined()) {
            for (TensorType type : TYPES) {
                Stored table = store(arena, type, 37, 64);
                int[] tokens = {0, 36, 15, 16, 36};
                KernelRows out = new KernelRows(arena, tokens.length, 64, Dtype.FLOAT32);
                PackedMatrix packed = pack(kernels, arena, table, 37, 64);
                kernels.embed(packed, KernelRows.ints(arena, tokens).address(), out.rows(), tokens.length);
                for (int r = 0; r < tokens.length; r++) {
                    assertThat(out.row(r, 64)).as("%s", type).isEqualTo(table.values[tokens[r]]);
                }
            }
        }
    }

    /// Every scale that a 16-bit number can be: the 4-bit format without minimum is kept with one.
    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void everyScaleOf16BitsIsKeptExactly(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 1);
                Arena arena = Arena.ofConfined()) {
            int n = 0x7c00 / 8 * 7; // those whose eightfold is finite: the largest is 0x6fff
            MemorySegment rows = arena.allocate(n * 18L, 4);
            for (int r = 0; r < n; r++) rows.set(JAVA_SHORT_UNALIGNED, r * 18L, (short) (r % 2 == 0 ? r : r | 0x8000));
            Stored table = new Stored(TensorType.Q4_0, rows, new float[0][]);
            PackedMatrix packed = pack(kernels, arena, table, n, 32);
            int[] tokens = new int[n];
            for (int r = 0; r < n; r++) tokens[r] = r;
            KernelRows out = new KernelRows(arena, n, 32, Dtype.FLOAT32);
            kernels.embed(packed, KernelRows.ints(arena, tokens).address(), out.rows(), n);
            for (int r = 0; r < n; r++) { // half bytes of zero mean -8
                float scale = Float.float16ToFloat((short) (r % 2 == 0 ? r : r | 0x8000));
                assertThat(out.get(r, 0)).as("scale %x", r).isEqualTo(-8 * scale);
            }
        }
    }

    /// Rows as bytes, and what they stand for.
    private static final class Quantised {
        private final MemorySegment memory;
        private final int blocks;
        private final float[][] exact; // what was rounded
        private final float[][] values;
        private final Kernels.Rows rows;

        private Quantised(Arena arena, int count, int k, float[][] exact) {
            blocks = k / BLOCK;
            this.exact = exact;
            memory = arena.allocate(44L * count * blocks, 64);
            rows = new Kernels.Rows(memory.address(), blocks, Format.INT8);
            values = new float[count][k];
        }

        private Kernels.Rows from(int row) {
            return new Kernels.Rows(memory.address() + 44L * row * blocks, blocks, Format.INT8);
        }

        private float scale(int row, int block) {
            return memory.get(JAVA_FLOAT, (row * (long) blocks + block) * 44 + 32);
        }

        private int largest(int row, int block) {
            int largest = 0;
            for (int i = 0; i < BLOCK; i++) largest = Math.max(largest, Math.abs(number(row, block, i)));
            return largest;
        }

        private int number(int row, int block, int i) {
            return memory.get(JAVA_BYTE, (row * (long) blocks + block) * 44 + i);
        }

        private void read() {
            for (int r = 0; r < values.length; r++) {
                for (int block = 0; block < blocks; block++) {
                    int sum = 0;
                    for (int i = 0; i < BLOCK; i++) {
                        sum += number(r, block, i);
                        values[r][block * BLOCK + i] = number(r, block, i) * scale(r, block);
                    }
                    assertThat(memory.get(JAVA_INT, (r * (long) blocks + block) * 44 + 40))
                            .isEqualTo(-128 * sum);
                }
            }
        }
    }

    /// Rounds rows through the norm, with weights that undo it.
    private Quantised quantise(Kernels kernels, Arena arena, float[][] x) {
        int k = x[0].length;
        KernelRows input = KernelRows.of(arena, x, Dtype.FLOAT32);
        float[] ones = new float[k];
        java.util.Arrays.fill(ones, 1f);
        long weight = arena.allocateFrom(JAVA_FLOAT, ones).address();
        KernelRows normed = new KernelRows(arena, x.length, k, Dtype.FLOAT32);
        kernels.rmsNorm(input.rows(), 0, weight, 1e-5f, normed.rows(), x.length, k);
        float[][] exact = new float[x.length][];
        for (int r = 0; r < x.length; r++) exact[r] = normed.row(r, k);
        Quantised rounded = new Quantised(arena, x.length, k, exact);
        kernels.rmsNorm(input.rows(), 0, weight, 1e-5f, rounded.rows, x.length, k);
        rounded.read();
        return rounded;
    }

    /// Rows as a file stores them, and the numbers that they are.
    private record Stored(TensorType type, MemorySegment bytes, float[][] values) {}

    private Stored store(Arena arena, TensorType type, int n, int k) {
        MemorySegment bytes = arena.allocate(n * type.bytes(k), 4);
        float[][] values = new float[n][k];
        long at = 0;
        for (int r = 0; r < n; r++) {
            for (int block = 0; block < k / BLOCK; block++, at += type.blockBytes()) {
                short scale = Float.floatToFloat16((float) random.nextGaussian() * 0.1f);
                short minimum = Float.floatToFloat16((float) random.nextGaussian());
                bytes.set(JAVA_SHORT_UNALIGNED, at, scale);
                if (type == TensorType.Q4_1) bytes.set(JAVA_SHORT_UNALIGNED, at + 2, minimum);
                long first = at + (type == TensorType.Q4_1 ? 4 : 2);
                for (int i = 0; i < BLOCK; i++) {
                    float d = Float.float16ToFloat(scale);
                    int number = type == TensorType.Q8_0 ? random.nextInt(256) - 128 : random.nextInt(16);
                    values[r][block * BLOCK + i] = switch (type) {
                        case Q8_0 -> number * d;
                        case Q4_0 -> number * d + -8 * d;
                        default -> number * d + Float.float16ToFloat(minimum);
                    };
                    long place = first + (type == TensorType.Q8_0 ? i : i % 16);
                    int shift = type == TensorType.Q8_0 || i < 16 ? 0 : 4;
                    bytes.set(JAVA_BYTE, place, (byte) (bytes.get(JAVA_BYTE, place) | number << shift));
                }
            }
        }
        return new Stored(type, bytes, values);
    }

    private static PackedMatrix pack(Kernels kernels, Arena arena, Stored stored, int n, int k) {
        Format format = stored.type == TensorType.Q8_0 ? Format.INT8 : Format.INT4;
        long address = arena.allocate(PackedMatrix.bytes(n, k, format), 64).address();
        PackedMatrix matrix = new PackedMatrix(address, n, k, format);
        long rowBytes = stored.type.bytes(k);
        for (int first = 0; first < n; first += PackedMatrix.PANEL) {
            int count = Math.min(PackedMatrix.PANEL, n - first);
            long rows = stored.bytes.address() + first * rowBytes;
            kernels.packStored(stored.type, rows, count, matrix, first / PackedMatrix.PANEL);
        }
        return matrix;
    }
}

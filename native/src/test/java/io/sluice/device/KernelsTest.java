package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Each kernel against plain Java, in every instruction set that the machine has.
class KernelsTest {
    private static final long SEED = 20261123;

    private final Random random = new Random(SEED);

    /// Kernels of a set, or the test is skipped where there is no compiler or the processor lacks the set.
    static Kernels kernels(InstructionSet set, int threads) {
        KernelLibrary library = library();
        Assumptions.assumeTrue(library.supports(set), () -> "no " + set + " here");
        return new Kernels(library, set, threads);
    }

    static KernelLibrary library() {
        try {
            return KernelLibrary.load();
        } catch (KernelLibrary.Unavailable e) {
            if (KernelLibrary.isBuilt()) throw new AssertionError("the build made kernels that cannot be used", e);
            return Assumptions.abort(e.toString());
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void whatThisProcessorHasPassesItsSelfTest(InstructionSet set) {
        Assumptions.assumeTrue(library().supports(set), () -> "no " + set + " here");
        assertThat(KernelSelfTest.passes(library(), set)).isTrue();
    }

    private record Formats(Dtype activations, Dtype weights) {}

    private static List<Formats> formats(InstructionSet set) {
        List<Formats> formats = new ArrayList<>();
        formats.add(new Formats(Dtype.FLOAT32, Dtype.FLOAT32));
        formats.add(new Formats(Dtype.FLOAT32, Dtype.BFLOAT16));
        if (set.multipliesBf16()) formats.add(new Formats(Dtype.BFLOAT16, Dtype.BFLOAT16));
        return formats;
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void multipliesMatricesOfAnySize(InstructionSet set) {
        try (Kernels kernels = kernels(set, 2)) {
            for (Formats formats : formats(set)) {
                for (int m : new int[] {1, 2, 3, 5, 7, 12, 13, 97}) {
                    for (int n : new int[] {1, 16, 17, 33, 64}) {
                        for (int k : new int[] {1, 2, 33, 64, 100}) multipliesOne(kernels, formats, m, n, k);
                    }
                }
            }
        }
    }

    private void multipliesOne(Kernels kernels, Formats formats, int m, int n, int k) {
        try (Arena arena = Arena.ofConfined()) {
            float[][] x = KernelRows.random(random, m, k);
            float[][] w = KernelRows.random(random, n, k);
            float[][] before = KernelRows.random(random, m, n);
            KernelRows input = KernelRows.of(arena, x, formats.activations);
            PackedMatrix weights = KernelRows.pack(kernels, arena, w, formats.weights);
            KernelRows product = new KernelRows(arena, m, n, Dtype.FLOAT32);
            KernelRows sum = KernelRows.of(arena, before, Dtype.FLOAT32);

            kernels.multiply(input.rows(), weights, product.rows(), m);
            kernels.multiplyAdd(input.rows(), weights, sum.rows(), m);

            for (int r = 0; r < m; r++) {
                float[] expected = new float[n];
                float[] expectedSum = new float[n];
                for (int c = 0; c < n; c++) {
                    double dot = 0;
                    for (int i = 0; i < k; i++) {
                        dot += (double) KernelRows.rounded(x[r][i], formats.activations)
                                * KernelRows.rounded(w[c][i], formats.weights);
                    }
                    expected[c] = (float) dot;
                    expectedSum[c] = before[r][c] + product.get(r, c);
                }
                assertThat(product.row(r, n))
                        .as("%s m=%d n=%d k=%d row %d seed %d", formats, m, n, k, r, SEED)
                        .containsExactly(expected, within(2e-5f * k));
                assertThat(sum.row(r, n)).isEqualTo(expectedSum);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void aRowOfAProductDoesNotDependOnTheRowsBesideItOrOnThreads(InstructionSet set) {
        int m = 101;
        int n = 80;
        int k = 200;
        try (Kernels one = kernels(set, 1);
                Kernels three = kernels(set, 3);
                Arena arena = Arena.ofConfined()) {
            for (Formats formats : formats(set)) {
                KernelRows x = KernelRows.of(arena, KernelRows.random(random, m, k), formats.activations);
                PackedMatrix w = KernelRows.pack(one, arena, KernelRows.random(random, n, k), formats.weights);
                KernelRows together = new KernelRows(arena, m, n, Dtype.FLOAT32);
                KernelRows apart = new KernelRows(arena, m, n, Dtype.FLOAT32);
                three.multiply(x.rows(), w, together.rows(), m);
                for (int r = 0, rows = 1; r < m; r += rows, rows = rows % 12 + 1) {
                    one.multiply(x.from(r), w, apart.from(r), Math.min(rows, m - r));
                }
                for (int r = 0; r < m; r++) assertThat(apart.row(r, n)).isEqualTo(together.row(r, n));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void bf16ActivationsAreRefusedWhereTheProcessorCannotMultiplyThem(InstructionSet set) {
        Assumptions.assumeFalse(set.multipliesBf16());
        try (Kernels kernels = kernels(set, 1);
                Arena arena = Arena.ofConfined()) {
            KernelRows x = new KernelRows(arena, 1, 16, Dtype.BFLOAT16);
            PackedMatrix w = KernelRows.pack(kernels, arena, new float[16][16], Dtype.BFLOAT16);
            KernelRows y = new KernelRows(arena, 1, 16, Dtype.FLOAT32);
            assertThatThrownBy(() -> kernels.multiply(x.rows(), w, y.rows(), 1))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void embedsTokensFromAPackedTable(InstructionSet set) {
        try (Kernels kernels = kernels(set, 2);
                Arena arena = Arena.ofConfined()) {
            for (Dtype dtype : Dtype.values()) {
                float[][] table = KernelRows.random(random, 37, 51);
                PackedMatrix packed = KernelRows.pack(kernels, arena, table, dtype);
                int[] tokens = {0, 36, 16, 15, 17, 31, 32, 36, 1};
                KernelRows out = new KernelRows(arena, tokens.length, 51, Dtype.FLOAT32);
                kernels.embed(packed, KernelRows.ints(arena, tokens).address(), out.rows(), tokens.length);
                for (int r = 0; r < tokens.length; r++) {
                    for (int i = 0; i < 51; i++) {
                        assertThat(out.get(r, i)).isEqualTo(KernelRows.rounded(table[tokens[r]][i], dtype));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void normalisesRowsAndPicksThemByIndex(InstructionSet set) {
        try (Kernels kernels = kernels(set, 2);
                Arena arena = Arena.ofConfined()) {
            for (int width : new int[] {1, 7, 16, 33, 576}) {
                float[][] x = KernelRows.random(random, 11, width);
                float[] weight = KernelRows.random(random, 1, width)[0];
                long weights = arena.allocateFrom(JAVA_FLOAT, weight).address();
                int[] index = {10, 0, 3};
                for (Dtype dtype : Dtype.values()) {
                    KernelRows input = KernelRows.of(arena, x, Dtype.FLOAT32);
                    KernelRows all = new KernelRows(arena, 11, width, dtype);
                    KernelRows some = new KernelRows(arena, 3, width, dtype);
                    kernels.rmsNorm(input.rows(), 0, weights, 1e-5f, all.rows(), 11, width);
                    long indexes = KernelRows.ints(arena, index).address();
                    kernels.rmsNorm(input.rows(), indexes, weights, 1e-5f, some.rows(), 3, width);
                    for (int r = 0; r < 11; r++) {
                        double squares = 0;
                        for (float v : x[r]) squares += (double) v * v;
                        double scale = 1 / Math.sqrt(squares / width + 1e-5);
                        for (int i = 0; i < width; i++) {
                            double expected = x[r][i] * scale * weight[i];
                            double tolerance = (dtype == Dtype.FLOAT32 ? 1e-6 : 4e-3) * Math.abs(expected) + 1e-7;
                            assertThat((double) all.get(r, i)).isCloseTo(expected, within(tolerance));
                        }
                    }
                    for (int r = 0; r < 3; r++) assertThat(some.row(r, width)).isEqualTo(all.row(index[r], width));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void gatesWithSiluOverTheWholeRangeOfFloats(InstructionSet set) {
        try (Kernels kernels = kernels(set, 2);
                Arena arena = Arena.ofConfined()) {
            for (int width : new int[] {1, 15, 16, 49}) {
                float[][] gateUp = KernelRows.random(random, 9, 2 * width);
                for (float[] row : gateUp) {
                    for (int i = 0; i < width; i++) row[i] *= 12;
                }
                gateUp[0][0] = -200f;
                gateUp[1][0] = 200f;
                gateUp[2][0] = 0f;
                for (Dtype dtype : Dtype.values()) {
                    KernelRows out = new KernelRows(arena, 9, width, dtype);
                    kernels.siluMul(KernelRows.of(arena, gateUp, Dtype.FLOAT32).rows(), out.rows(), 9, width);
                    for (int r = 0; r < 9; r++) {
                        for (int i = 0; i < width; i++) {
                            double gate = gateUp[r][i];
                            double expected = gate / (1 + Math.exp(-gate)) * gateUp[r][width + i];
                            double tolerance = (dtype == Dtype.FLOAT32 ? 1e-6 : 4e-3) * Math.abs(expected) + 1e-30;
                            assertThat((double) out.get(r, i)).isCloseTo(expected, within(tolerance));
                        }
                        assertThat(out.get(r, width)).as("padding stays zero").isZero();
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void gatesWithGeluInItsTanhApproximation(InstructionSet set) {
        try (Kernels kernels = kernels(set, 2);
                Arena arena = Arena.ofConfined()) {
            for (int width : new int[] {1, 15, 16, 49}) {
                float[][] gateUp = KernelRows.random(random, 9, 2 * width);
                gateUp[0][0] = -200f;
                gateUp[1][0] = 200f;
                KernelRows out = new KernelRows(arena, 9, width, Dtype.FLOAT32);
                kernels.geluMul(KernelRows.of(arena, gateUp, Dtype.FLOAT32).rows(), out.rows(), 9, width);
                for (int r = 0; r < 9; r++) {
                    for (int i = 0; i < width; i++) {
                        double gate = gateUp[r][i];
                        double u = Math.sqrt(2 / Math.PI) * (gate + 0.044715 * gate * gate * gate);
                        double expected = gate / (1 + Math.exp(-2 * u)) * gateUp[r][width + i];
                        assertThat((double) out.get(r, i))
                                .isCloseTo(expected, within(2e-6 * Math.abs(expected) + 1e-30));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void scalesAndCapsInPlaceAndAddsSharesToTheRowsThatTakeThem(InstructionSet set) {
        try (Kernels kernels = kernels(set, 2);
                Arena arena = Arena.ofConfined()) {
            for (int width : new int[] {1, 7, 16, 33}) {
                float[][] numbers = KernelRows.random(random, 5, width);
                numbers[0][0] = 1e6f;
                KernelRows scaled = KernelRows.of(arena, numbers, Dtype.FLOAT32);
                KernelRows capped = KernelRows.of(arena, numbers, Dtype.FLOAT32);
                KernelRows added = KernelRows.of(arena, numbers, Dtype.FLOAT32);
                kernels.scale(scaled.rows(), 1.7f, 5, width);
                kernels.softCap(capped.rows(), 2.5f, 5, width);
                long index = KernelRows.ints(arena, 4, 1).address();
                long shares = arena.allocateFrom(JAVA_FLOAT, 0.25f, -3f).address();
                KernelRows given = KernelRows.of(arena, numbers, Dtype.FLOAT32);
                kernels.scatterAdd(given.rows(), index, shares, added.rows(), 2, width);
                for (int r = 0; r < 5; r++) {
                    for (int i = 0; i < width; i++) {
                        float x = numbers[r][i];
                        float more = r == 4 ? 0.25f * numbers[0][i] : r == 1 ? -3f * numbers[1][i] : 0;
                        assertThat(scaled.get(r, i)).isEqualTo(1.7f * x);
                        assertThat((double) capped.get(r, i)).isCloseTo(2.5 * Math.tanh(x / 2.5), within(1e-6));
                        assertThat(added.get(r, i)).isCloseTo(x + more, within(1e-6f * Math.abs(x + more) + 1e-6f));
                    }
                }
            }
        }
    }
}

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Greedy sampling in a kernel answers as the sampler does.
class ArgmaxKernelTest {
    private static final long SEED = 97;

    private final Random random = new Random(SEED);

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void findsTheFirstOfTheLargest(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 2)) {
            for (int width : new int[] {1, 15, 17, 1000, 8192, 8193, 49_153}) {
                float[][] rows = new float[5][width];
                int[] expected = new int[5];
                for (int r = 0; r < rows.length; r++) {
                    // Few different numbers, so that the largest stands in many places.
                    for (int i = 0; i < width; i++) rows[r][i] = random.nextInt(9) - 20f;
                    for (int i = width - 1; i >= 0; i--) if (rows[r][i] >= rows[r][expected[r]]) expected[r] = i;
                }
                assertThat(argmax(kernels, rows))
                        .as("width %d, seed %d", width, SEED)
                        .isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void findsNothingWhereTheLargestIsNotFiniteOrANumberIsNone(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 2)) {
            int width = 20_001;
            int[] places = {0, 7, 8191, 8192, 20_000};
            for (int place : places) {
                float[][] rows = new float[4][width];
                rows[0][place] = Float.NaN;
                rows[1][place] = Float.POSITIVE_INFINITY;
                rows[2][place] = Float.NEGATIVE_INFINITY;
                java.util.Arrays.fill(rows[3], Float.NEGATIVE_INFINITY);
                assertThat(argmax(kernels, rows)).containsExactly(-1, -1, place == 0 ? 1 : 0, -1);
            }
        }
    }

    private static int[] argmax(Kernels kernels, float[][] rows) {
        int width = rows[0].length;
        int stride = width + 3;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment logits = arena.allocate(JAVA_FLOAT, (long) rows.length * stride);
            for (int r = 0; r < rows.length; r++) {
                MemorySegment.copy(rows[r], 0, logits, JAVA_FLOAT, (long) r * stride * Float.BYTES, width);
            }
            long scratch = arena.allocate(Kernels.argmaxScratchBytes(rows.length, width), 8)
                    .address();
            MemorySegment out = arena.allocate(JAVA_INT, rows.length);
            Kernels.Rows x = new Kernels.Rows(logits.address(), stride, Format.FLOAT32);
            kernels.argmax(x, rows.length, width, scratch, out.address());
            return out.toArray(JAVA_INT);
        }
    }
}

package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What `RunnerTest` does not vary: the instruction set, the number of threads, shapes that no vector likes.
class FastRunnerTest {

    /// Heads of 10 numbers, an odd number of columns everywhere else.
    private static final ModelConfig ODD = new ModelConfig("llama", 97, 59, 3, 6, 2, 10, 75, 1e-5f, 10_000f, 512, true);

    private final Random random = new Random(5);
    private final RandomModel model = new RandomModel(ODD, 11);
    private final int[] prompt = random.ints(83, 0, ODD.vocabSize()).toArray();

    @ParameterizedTest
    @EnumSource
    void logitsAreThoseOfAPlainImplementationInEveryInstructionSet(InstructionSet set) {
        double[][] expected = new PlainLlama(model).logits(prompt);
        for (int blockSize : new int[] {4, 16}) {
            float[][] logits = logits(set, Dtype.FLOAT32, blockSize, 2, 83);
            for (int t = 0; t < prompt.length; t++) {
                assertThat(doubles(logits[t])).containsExactly(expected[t], within(2e-4));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void neitherThreadsNorChunksChangeABitInAnyNumberFormat(InstructionSet set) {
        for (Dtype dtype : Dtype.values()) {
            float[][] expected = logits(set, dtype, 16, 1, 83);
            assertThat(logits(set, dtype, 16, 3, 83)).isDeepEqualTo(expected);
            assertThat(logits(set, dtype, 16, 2, 19)).isDeepEqualTo(expected);
        }
    }

    private static double[] doubles(float[] values) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) result[i] = values[i];
        return result;
    }

    private float[][] logits(InstructionSet set, Dtype dtype, int blockSize, int threads, int chunk) {
        KernelLibrary library = KernelsTest.library();
        Assumptions.assumeTrue(library.supports(set), () -> "no " + set + " here");
        RunnerSettings settings =
                new RunnerSettings(dtype, dtype, 1 << 20, 0, blockSize, 128, 8, 128, true, false, Gemm.AUTO, threads);
        try (FastRunner runner = FastRunner.open(model.files(), settings, library, set)) {
            return new RunnerHarness(runner, random).promptLogits(prompt, chunk);
        }
    }
}

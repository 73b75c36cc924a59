package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.TinyModels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ModelFormatsTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "REFERENCE, F32",
        "REFERENCE, F16",
        "REFERENCE, BF16",
        "REFERENCE, Q8_0",
        "REFERENCE, Q4_0",
        "REFERENCE, Q4_1",
        "REFERENCE, Q4_K",
        "REFERENCE, Q6_K",
        "REFERENCE, Q5_0",
        "REFERENCE, Q5_1",
        "REFERENCE, Q2_K",
        "REFERENCE, Q3_K",
        "REFERENCE, Q5_K",
        "REFERENCE, IQ4_NL",
        "REFERENCE, IQ4_XS",
        "FAST_FLOAT32, Q5_K",
        "FAST_FLOAT32, F16",
        "FAST_FLOAT32, Q4_1",
        "FAST_BFLOAT16, BF16",
        "FAST_BFLOAT16, Q8_0",
    })
    void aGgufFileAndAHuggingFaceFolderOfTheSameWeightsGiveTheSameTokens(RunnerKind kind, TensorType type) {
        ModelConfig config = TinyModels.wideConfig();
        int[] prompt = new Random(3).ints(40, 0, config.vocabSize()).toArray();
        int[] fromGguf = generate(kind, TinyModels.gguf(folder.resolve("tiny.gguf"), config, 5, type), prompt);
        int[] fromFolder = generate(kind, TinyModels.folder(folder.resolve("tiny"), config, 5, type), prompt);
        assertThat(fromGguf).isEqualTo(fromFolder);
        assertThat(Arrays.stream(fromGguf).distinct().count()).isGreaterThan(3);
    }

    /// What is kept in bytes or half bytes is off by the rounding of activations to bytes, and little more.
    @ParameterizedTest
    @EnumSource(
            value = TensorType.class,
            names = {"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"
            })
    void weightsThatStayQuantisedGiveNearlyTheLogitsOfTheDecodedOnes(TensorType type) {
        ModelConfig config = TinyModels.wideConfig();
        int[] prompt = new Random(3).ints(40, 0, config.vocabSize()).toArray();
        Path file = TinyModels.gguf(folder.resolve("tiny.gguf"), config, 5, type);
        float[][] kept = logits(RunnerKind.FAST_QUANTISED, file, prompt);
        float[][] decoded = logits(RunnerKind.FAST_FLOAT32, file, prompt);
        double distance = 0;
        double spread = 0;
        for (int t = 0; t < prompt.length; t++) {
            for (int token = 0; token < config.vocabSize(); token++) {
                distance += Math.abs(kept[t][token] - decoded[t][token]);
                spread += Math.abs(decoded[t][token]);
            }
        }
        assertThat(distance / spread).isLessThan(0.03).isGreaterThan(1e-4);
    }

    private static float[][] logits(RunnerKind kind, Path path, int[] prompt) {
        try (ModelFiles model = ModelStore.open(path);
                LogitsRunner runner = kind.open(RunnerKind.files(model), 16, 256)) {
            return new RunnerHarness(runner, new Random(4)).promptLogits(prompt, 64);
        }
    }

    private static int[] generate(RunnerKind kind, Path path, int[] prompt) {
        try (ModelFiles model = ModelStore.open(path);
                LogitsRunner runner = kind.open(RunnerKind.files(model), 16, 256)) {
            RunnerHarness harness = new RunnerHarness(runner, new Random(4));
            Sequence sequence = harness.sequence(prompt, RunnerKind.eventful(6));
            harness.generate(List.of(sequence), 16, 24);
            return sequence.output();
        }
    }
}

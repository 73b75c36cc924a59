package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every quantised format of Hugging Face folders, held to the logits that transformers computes from the weights that
/// the format stands for (`src/test/python/quantised_folders.py`).
class QuantisedFoldersTest {
    private static final String MODELS = "quantised";

    static Stream<Arguments> models() throws IOException {
        List<Path> models = ExpectedLogits.models(MODELS);
        assertThat(models).hasSize(9);
        return models.stream().map(path -> Arguments.of(path.getFileName().toString(), path));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("models")
    void decodedInFloat32LogitsAreThoseOfTheWeightsThatAreStored(String name, Path path) throws IOException {
        for (RunnerKind kind : List.of(RunnerKind.REFERENCE, RunnerKind.FAST_FLOAT32)) {
            ExpectedLogits expected = ExpectedLogits.beside(path).getFirst();
            expected.assertMatchedBy(kind.toString(), logits(path, kind, expected));
        }
    }

    /// Keeping weights in few bits rounds what enters a product to bytes, as with GGUF files.
    @ParameterizedTest(name = "{0}")
    @MethodSource("models")
    void keptQuantisedLogitsAreOffByNoMoreThanRoundingActivationsCosts(String name, Path path) throws IOException {
        ExpectedLogits expected = ExpectedLogits.beside(path).getFirst();
        double error = expected.relativeError(logits(path, RunnerKind.FAST_QUANTISED, expected));
        double decoded = expected.relativeError(logits(path, RunnerKind.FAST_BFLOAT16, expected));
        assertThat(error).as("decoded to bfloat16: %f", decoded).isLessThan(0.03);
        assertThat(decoded).isLessThan(0.02);
    }

    private static float[][] logits(Path path, RunnerKind kind, ExpectedLogits expected) {
        try (ModelFiles model = ModelStore.open(path);
                LogitsRunner runner = kind.open(RunnerKind.files(model), 16, expected.context())) {
            return new RunnerHarness(runner, new Random(3)).promptLogits(expected.tokens(), 16);
        }
    }
}

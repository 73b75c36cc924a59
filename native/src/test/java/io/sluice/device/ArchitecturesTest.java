package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every architecture that is served, as Hugging Face folder and as GGUF file, held to the logits that transformers
/// computes for a tiny model of it (`src/test/python/architectures.py`).
class ArchitecturesTest {
    private static final String MODELS = "architectures";

    static Stream<Arguments> modelsInFloat32() throws IOException {
        return models(RunnerKind.REFERENCE, RunnerKind.FAST_FLOAT32, RunnerKind.LIBTORCH_FLOAT32);
    }

    static Stream<Arguments> modelsOnKernels() throws IOException {
        return models(RunnerKind.FAST_FLOAT32, RunnerKind.FAST_BFLOAT16);
    }

    private static Stream<Arguments> models(RunnerKind... kinds) throws IOException {
        List<Path> models = ExpectedLogits.models(MODELS);
        assertThat(models).hasSizeGreaterThan(20);
        Path root = ExpectedLogits.root(MODELS);
        return models.stream()
                .flatMap(path -> Stream.of(kinds)
                        .map(kind -> Arguments.of(root.relativize(path).toString(), kind, path)));
    }

    @ParameterizedTest(name = "{0} by {1}")
    @MethodSource("modelsInFloat32")
    void logitsAreThoseOfTransformers(String name, RunnerKind kind, Path path) throws IOException {
        for (ExpectedLogits expected : ExpectedLogits.beside(path)) {
            try (ModelFiles model = ModelStore.open(path);
                    LogitsRunner runner = kind.open(RunnerKind.files(model), 4, expected.context())) {
                RunnerHarness harness = new RunnerHarness(runner, new Random(3));
                expected.assertMatchedBy("one pass", harness.promptLogits(expected.tokens(), 128));
                expected.assertMatchedBy("chunks of 7", harness.promptLogits(expected.tokens(), 7));
                expected.assertMatchedBy("a prompt, then token by token", tokenByToken(harness, expected));
            }
        }
    }

    @ParameterizedTest(name = "{0} by {1}")
    @MethodSource("modelsOnKernels")
    void chunkingChangesNoBit(String name, RunnerKind kind, Path path) throws IOException {
        ExpectedLogits expected = ExpectedLogits.beside(path).getFirst();
        try (ModelFiles model = ModelStore.open(path);
                LogitsRunner runner = kind.open(RunnerKind.files(model), 16, expected.context())) {
            RunnerHarness harness = new RunnerHarness(runner, new Random(3));
            float[][] whole = harness.promptLogits(expected.tokens(), 128);
            for (int chunk : new int[] {1, 7, 16}) {
                assertThat(harness.promptLogits(expected.tokens(), chunk))
                        .as("chunks of %d", chunk)
                        .isDeepEqualTo(whole);
            }
            assertThat(tokenByToken(harness, expected)).isDeepEqualTo(whole);
        }
    }

    /// The prompt in one step, then each token of the continuation in a step of its own, as decoding has it.
    private static float[][] tokenByToken(RunnerHarness harness, ExpectedLogits expected) {
        Sequence sequence = harness.sequence(expected.tokens());
        List<float[]> rows = new ArrayList<>();
        while (sequence.uncomputed() > 0) {
            harness.clearPlan();
            harness.add(sequence, sequence.computed == 0 ? expected.prompt() : 1);
            Collections.addAll(rows, harness.logits());
        }
        harness.free(sequence);
        return rows.toArray(float[][]::new);
    }
}

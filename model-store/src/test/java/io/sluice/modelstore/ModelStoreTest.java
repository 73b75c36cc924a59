package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ModelStoreTest {
    @TempDir
    Path temp;

    static Stream<TensorType> plainTypes() {
        return Arrays.stream(TensorType.values()).filter(TensorType::standsByItself);
    }

    @ParameterizedTest
    @MethodSource("plainTypes")
    void aFolderAndAGgufFileOfTheSameWeightsReadTheSame(TensorType type) {
        ModelConfig config = TinyModels.wideConfig();
        Path folder = TinyModels.folder(temp.resolve("tiny"), config, 7, type);
        Path sharded = TinyModels.shardedFolder(temp.resolve("sharded"), config, 7, type, 3);
        Path gguf = TinyModels.gguf(temp.resolve("tiny.gguf"), config, 7, type);
        try (ModelFiles a = ModelStore.open(folder);
                ModelFiles b = ModelStore.open(sharded);
                ModelFiles c = ModelStore.open(gguf)) {
            assertThat(a.config()).isEqualTo(config);
            assertThat(b.config()).isEqualTo(config);
            assertThat(c.config())
                    .usingRecursiveComparison()
                    .ignoringFields("architecture")
                    .isEqualTo(config);
            assertThat(c.weightsType()).isEqualTo(type);
            new TinyWeights(config, 7, type).forEach(t -> {
                float[] values = floats(a.tensor(t.name()));
                assertThat(floats(b.tensor(t.name()))).as(t.name()).isEqualTo(values);
                assertThat(floats(c.tensor(t.name()))).as(t.name()).isEqualTo(values);
            });
        }
    }

    private static float[] floats(WeightTensor tensor) {
        float[] values = new float[tensor.rows() * tensor.columns()];
        tensor.readRows(0, tensor.rows(), MemorySegment.ofArray(values));
        return values;
    }

    @ParameterizedTest
    @MethodSource("plainTypes")
    void storedRowsAreInHuggingFaceOrderEvenWhereGgufInterleavesThem(TensorType type) {
        ModelConfig config = TinyModels.wideConfig();
        try (ModelFiles model = ModelStore.open(TinyModels.gguf(temp.resolve("tiny.gguf"), config, 3, type))) {
            new TinyWeights(config, 3, type).forEach(t -> {
                WeightTensor tensor = model.tensor(t.name());
                int rowBytes = t.bytes().length / tensor.rows();
                for (int row = 0; row < tensor.rows(); row++) {
                    MemorySegment expected = MemorySegment.ofArray(t.bytes()).asSlice((long) row * rowBytes, rowBytes);
                    assertThat(tensor.rowBytes(row).mismatch(expected))
                            .as("%s row %d", tensor, row)
                            .isEqualTo(-1);
                }
            });
        }
    }

    @Test
    void someRowsAreReadToTheStartOfTheTarget() {
        try (ModelFiles model =
                ModelStore.open(TinyModels.gguf(temp.resolve("t.gguf"), TinyModels.config(), 3, TensorType.Q4_1))) {
            WeightTensor tensor = model.tensor("model.layers.1.self_attn.k_proj.weight");
            float[] all = floats(tensor);
            byte[] two = new byte[4 * 2 * tensor.columns() + 4]; // as narrow an alignment as a segment can have
            tensor.readRows(5, 2, MemorySegment.ofArray(two));
            for (int i = 0; i < 2 * tensor.columns(); i++) {
                float read = MemorySegment.ofArray(two).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i);
                assertThat(read).isEqualTo(all[5 * tensor.columns() + i]);
            }
            assertThatThrownBy(() -> tensor.readRows(31, 2, MemorySegment.ofArray(two)))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> tensor.rowBytes(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void aTensorThatIsNotThereIsNamed() {
        Path file = TinyModels.gguf(temp.resolve("t.gguf"), TinyModels.config(), 3, TensorType.F32);
        try (ModelFiles model = ModelStore.open(file)) {
            assertThat(model.hasTensor("lm_head.weight")).isTrue();
            assertThat(model.hasTensor("lm_head.bias")).isFalse();
            assertThatThrownBy(() -> model.tensor("lm_head.bias"))
                    .isInstanceOf(ModelFileException.class)
                    .hasMessage(file + ": holds no tensor lm_head.bias");
        }
    }

    @Test
    void closingUnmaps() {
        ModelFiles model =
                ModelStore.open(TinyModels.gguf(temp.resolve("t.gguf"), TinyModels.config(), 3, TensorType.F32));
        WeightTensor tensor = model.tensor("model.norm.weight");
        model.close();
        model.close();
        assertThatThrownBy(() -> floats(tensor)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void bothFormsOfAModelBringTheSameTokenizer() {
        ModelConfig config = TinyModels.config();
        Path folder = TinyModels.folder(temp.resolve("tiny"), config, 7, TensorType.F32);
        Path gguf = TinyModels.gguf(temp.resolve("tiny.gguf"), config, 7, TensorType.F32);
        try (ModelFiles a = ModelStore.open(folder);
                ModelFiles b = ModelStore.open(gguf)) {
            int[] ids = {
                TinyVocabulary.START_OF_TURN, 'H' - '!' + TinyVocabulary.FIRST_BYTE + '!', TinyVocabulary.END_OF_TURN
            };
            assertThat(a.tokenizer().encode("<|im_start|>H<|im_end|>")).containsExactly(ids);
            assertThat(b.tokenizer().encode("<|im_start|>H<|im_end|>")).containsExactly(ids);
            assertThat(a.tokenizer().encode("the naïve 🙂\n"))
                    .containsExactly(b.tokenizer().encode("the naïve 🙂\n"));
            assertThat(a.generationDefaults().endTokens()).containsExactly(TinyVocabulary.END_OF_TURN);
            assertThat(b.generationDefaults().endTokens()).containsExactly(TinyVocabulary.END_OF_TURN);
        }
    }

    @Test
    void aGgufFileEndsOutputsAtItsEndTokensAndTurnMarkers() {
        Path file = temp.resolve("t.gguf");
        GgufWriter writer = TinyModels.ggufWriter(TinyModels.config(), 1, TensorType.F32)
                .integer("tokenizer.ggml.eos_token_id", TinyVocabulary.END_OF_TEXT)
                .number("general.sampling.temp", 0.25)
                .integer("general.sampling.top_k", 40);
        writer.write(file);
        try (ModelFiles model = ModelStore.open(file)) {
            assertThat(model.generationDefaults())
                    .isEqualTo(new GenerationDefaults(
                            Optional.of(0.25f),
                            Optional.empty(),
                            Optional.of(40),
                            Optional.empty(),
                            Optional.empty(),
                            List.of(TinyVocabulary.END_OF_TEXT, TinyVocabulary.END_OF_TURN)));
        }
    }

    @Test
    void aModelIsNamedByItsFileOrFolderOrHubId() {
        ModelConfig config = TinyModels.config();
        Path gguf = TinyModels.gguf(temp.resolve("My-Model.Q8_0.gguf"), config, 1, TensorType.Q8_0);
        Path folder = TinyModels.folder(temp.resolve("my-model"), config, 1, TensorType.F32);
        Path hub = TinyModels.folder(temp.resolve("models--org--name/snapshots/12ab"), config, 1, TensorType.F32);
        assertThat(nameOf(gguf)).isEqualTo("My-Model.Q8_0");
        assertThat(nameOf(folder)).isEqualTo("my-model");
        assertThat(nameOf(hub)).isEqualTo("org/name");
    }

    private static String nameOf(Path path) {
        try (ModelFiles model = ModelStore.open(path)) {
            return model.name();
        }
    }

    @Test
    void aFolderWithOneGgufFileIsThatFileEvenBesideAConfiguration() {
        Path file = TinyModels.gguf(temp.resolve("a.gguf"), TinyModels.config(), 1, TensorType.Q4_0);
        TinyModels.write(temp.resolve("config.json"), "{}");
        try (ModelFiles model = ModelStore.open(temp)) {
            assertThat(model.path()).isEqualTo(file);
        }
    }

    @Test
    void aGgufFileIsKnownByItsContent() {
        Path file = TinyModels.gguf(temp.resolve("sha256-1234"), TinyModels.config(), 1, TensorType.Q4_0);
        assertThat(nameOf(file)).isEqualTo("sha256-1234");
    }

    @Test
    void whatIsNoModelIsRefusedWithAHint() throws IOException {
        refused(temp.resolve("nowhere"), "there is no such file or folder");
        refused(temp, "holds no model");
        refused(Files.writeString(temp.resolve("a.gguf"), "<html>"), "is not a GGUF file");
        refused(Files.createFile(temp.resolve("b.gguf")), "ends inside the magic number");
        refused(temp, "holds 2 GGUF files: name one of them, a.gguf, b.gguf");
        refused(Files.createFile(temp.resolve("model.safetensors")), "give the folder that holds it");
        refused(Files.createFile(temp.resolve("notes.txt")), "is neither a GGUF file nor a Hugging Face folder");
        refused(Path.of("/dev/null"), "is neither a file nor a folder");
    }

    private static void refused(Path path, String inMessage) {
        assertThatThrownBy(() -> ModelStore.open(path))
                .isInstanceOf(ModelFileException.class)
                .hasMessageStartingWith(path + ": ")
                .hasMessageContaining(inMessage);
    }
}

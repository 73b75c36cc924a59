package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ModelStoreTest {
    @TempDir
    Path temp;

    @ParameterizedTest
    @EnumSource(TensorType.class)
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

    static float[] floats(WeightTensor tensor) {
        float[] values = new float[tensor.rows() * tensor.columns()];
        tensor.readRows(0, tensor.rows(), MemorySegment.ofArray(values));
        return values;
    }
}

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class FusedWeightsTest {
    private static final ModelConfig TINY = RandomModel.TINY;
    private static final int HIDDEN = TINY.hiddenSize();

    private final RandomModel model = new RandomModel(TINY, 3);

    @Test
    void theRowsOfAMatrixAreThoseOfItsPartsOneAfterTheOther() {
        FusedWeights.Matrix matrix = new FusedWeights(model.files()).layer(1).queriesKeysValues();
        float[] queries = model.numbers("model.layers.1.self_attn.q_proj");
        float[] keys = model.numbers("model.layers.1.self_attn.k_proj");
        float[] values = model.numbers("model.layers.1.self_attn.v_proj");
        assertThat(matrix.rows()).isEqualTo((6 + 2 * 2) * 16);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rows = arena.allocate(JAVA_FLOAT, 35L * HIDDEN);
            matrix.readRows(95, 130, rows); // the last of 96 rows of queries, 32 of keys, two of values
            float[] actual = rows.toArray(JAVA_FLOAT);
            assertThat(Arrays.copyOf(actual, HIDDEN)).isEqualTo(Arrays.copyOfRange(queries, 95 * HIDDEN, 96 * HIDDEN));
            assertThat(Arrays.copyOfRange(actual, HIDDEN, 33 * HIDDEN)).isEqualTo(keys);
            assertThat(Arrays.copyOfRange(actual, 33 * HIDDEN, 35 * HIDDEN))
                    .isEqualTo(Arrays.copyOf(values, 2 * HIDDEN));
        }
    }

    @Test
    void aTensorOfAnotherShapeIsNamedWithItsFile() {
        WeightTensor narrow = new RandomModel.InMemory("model.norm.weight", 1, 3, new float[3]);
        WeightFiles files = new WeightFiles(Path.of("model.gguf"), TINY, name -> narrow);
        assertThatThrownBy(() -> new FusedWeights(files).finalNorm())
                .isInstanceOf(ModelFileException.class)
                .hasMessageContainingAll("model.gguf", "model.norm.weight", "1 x 3", "1 x 60");
    }

    /// What lies behind a tensor in memory may be anybody's: pages of it must not be let go.
    @Test
    void whatAPartIsStoredInEndsWithItsLastRowWhateverItsTypeTakesElsewhere() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(4 * 64);
            FusedWeights.Matrix matrix = new FusedWeights.Matrix(4, 64, 64, List.of(new Bytes(data)));
            assertThat(matrix.stored()).singleElement().satisfies(stored -> {
                assertThat(stored.address()).isEqualTo(data.address());
                assertThat(stored.byteSize()).isEqualTo(data.byteSize());
            });
        }
    }

    /// 4 x 64 integers as a quantised folder has them beside their scales: a byte each, where blocks would take more.
    private record Bytes(MemorySegment data) implements WeightTensor {
        @Override
        public String name() {
            return "bytes";
        }

        @Override
        public TensorType type() {
            return TensorType.INT8_SCATTERED;
        }

        @Override
        public int rows() {
            return 4;
        }

        @Override
        public int columns() {
            return 64;
        }

        @Override
        public MemorySegment rowBytes(int row) {
            return data.asSlice(64L * row, 64);
        }

        @Override
        public void readRows(int firstRow, int rowCount, MemorySegment target) {
            throw new UnsupportedOperationException("nobody reads numbers here");
        }
    }
}

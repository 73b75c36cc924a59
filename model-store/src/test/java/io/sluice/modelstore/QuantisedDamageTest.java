package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Quantised folders with tensors that are missing, of another type or another shape: each is refused in one line when
/// it is opened, and what is not refused can be read.
class QuantisedDamageTest {
    private static final Path FILE = Path.of("model.safetensors");
    private static final List<TensorType> TYPES =
            List.of(TensorType.I32, TensorType.F16, TensorType.F32, TensorType.I8, TensorType.F8_E4M3, TensorType.I64);
    private static final long[] SIZES = {0, 1, 2, 3, 4, 8, 12, 16, 32};

    private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();

    private void tensor(String name, TensorType type, long... shape) {
        long count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytes(count))]);
        tensors.put(name, new StoredTensor(FILE, name, type, shape, data));
    }

    /// 16 x 32 weights in two groups.
    private void gptq() {
        tensor("l.qweight", TensorType.I32, 4, 16);
        tensor("l.scales", TensorType.F16, 2, 16);
        tensor("l.qzeros", TensorType.I32, 2, 2);
        tensor("l.g_idx", TensorType.I32, 32);
    }

    private void awq() {
        tensor("l.qweight", TensorType.I32, 32, 2);
        tensor("l.scales", TensorType.F16, 2, 16);
        tensor("l.qzeros", TensorType.I32, 2, 2);
    }

    private void packed() {
        tensor("l.weight_packed", TensorType.I32, 16, 4);
        tensor("l.weight_scale", TensorType.F16, 16, 2);
        tensor("l.weight_zero_point", TensorType.I32, 2, 2);
    }

    private void scaled() {
        tensor("l.weight", TensorType.F8_E4M3, 16, 32);
        tensor("l.weight_scale", TensorType.F32, 16, 1);
    }

    private QuantisedTensors.Split read(QuantisationMethod method) {
        return QuantisedTensors.read(FILE, method, new int[2], tensors);
    }

    private void assertRefused(QuantisationMethod method, String inMessage) {
        assertThatThrownBy(() -> read(method))
                .isInstanceOf(ModelFileException.class)
                .hasMessageContaining(inMessage);
        tensors.clear();
    }

    @Test
    void whatIsWholeIsRead() {
        gptq();
        assertThat(read(QuantisationMethod.GPTQ).matrices()).containsOnlyKeys("l.weight");
        assertThat(read(QuantisationMethod.GPTQ).plain()).isEmpty();
    }

    @Test
    void aMissingTensorIsNamed() {
        gptq();
        tensors.remove("l.scales");
        assertRefused(QuantisationMethod.GPTQ, "tensor l.scales is missing");
        awq();
        tensors.remove("l.qzeros");
        assertRefused(QuantisationMethod.AWQ, "tensor l.qzeros is missing");
        packed();
        tensors.remove("l.weight_scale");
        assertRefused(QuantisationMethod.SCALED, "tensor l.weight_scale is missing");
        scaled();
        tensors.remove("l.weight_scale");
        assertRefused(QuantisationMethod.SCALED, "tensor l.weight_scale is missing");
    }

    @Test
    void scalesThatAreIntegersAreRefused() {
        gptq();
        tensor("l.scales", TensorType.I32, 2, 16);
        assertRefused(QuantisationMethod.GPTQ, "tensor l.scales is stored as I32");
        packed();
        tensor("l.weight_scale", TensorType.I32, 16, 2);
        assertRefused(QuantisationMethod.SCALED, "tensor l.weight_scale is stored as I32");
        scaled();
        tensor("l.weight_scale", TensorType.I32, 16, 1);
        assertRefused(QuantisationMethod.SCALED, "tensor l.weight_scale is stored as I32");
    }

    @Test
    void outputsThatDoNotFillTheWordsOfZeroPointsAreRefused() {
        tensor("l.qweight", TensorType.I32, 4, 12);
        tensor("l.scales", TensorType.F16, 2, 12);
        tensor("l.qzeros", TensorType.I32, 2, 1);
        assertRefused(QuantisationMethod.GPTQ, "tensor l.qweight has shape [4, 12], whose outputs");
    }

    @Test
    void aMatrixThatIsThereTwiceIsRefused() {
        gptq();
        tensor("l.weight", TensorType.F16, 16, 32);
        assertRefused(QuantisationMethod.GPTQ, "tensor l.weight is there twice");
        packed();
        tensors.remove("l.weight_zero_point");
        scaled();
        assertRefused(QuantisationMethod.SCALED, "tensor l.weight is there twice");
    }

    @Test
    void whateverShapesAndTypesAreClaimedNothingIsReadThatIsNotThere() {
        for (int seed = 0; seed < 5_000; seed++) {
            Random random = new Random(seed);
            QuantisationMethod method =
                    List.of(QuantisationMethod.values()).get(random.nextInt(QuantisationMethod.values().length));
            tensors.clear();
            switch (method) {
                case GPTQ, GPTQ_V2 -> gptq();
                case AWQ -> awq();
                case SCALED -> {
                    if (random.nextBoolean()) packed();
                    else scaled();
                }
            }
            for (int damaged = random.nextInt(1, 4); damaged > 0; damaged--) damage(random);
            assertThatCode(() -> readAll(method)).as("seed %d", seed).doesNotThrowAnyException();
        }
    }

    private void damage(Random random) {
        StoredTensor old = List.copyOf(tensors.values()).get(random.nextInt(tensors.size()));
        long[] shape = old.shape().clone();
        TensorType type = old.type();
        if (random.nextInt(4) == 0) shape = new long[random.nextInt(4)];
        for (int i = 0; i < shape.length; i++) {
            if (random.nextBoolean()) shape[i] = SIZES[random.nextInt(SIZES.length)];
        }
        if (random.nextInt(4) == 0) type = TYPES.get(random.nextInt(TYPES.size()));
        tensor(old.name(), type, shape);
    }

    private void readAll(QuantisationMethod method) {
        try {
            for (WeightTensor matrix : read(method).matrices().values()) {
                MemorySegment row = MemorySegment.ofArray(new float[matrix.columns()]);
                for (int i = 0; i < matrix.rows(); i++) {
                    matrix.readRows(i, 1, row);
                    assertThat(matrix.rowBytes(i).byteSize()).isPositive();
                }
            }
        } catch (ModelFileException refused) {
            assertThat(refused.getMessage()).contains("tensor l.");
        }
    }
}

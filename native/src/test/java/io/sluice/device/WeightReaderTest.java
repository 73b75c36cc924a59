package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WeightReaderTest {
    private static final Path FILE = Path.of("model.gguf");

    @Test
    void severalThreadsDecodeEveryRowToItsPlace() {
        float[] numbers = new float[1500 * 300];
        Random random = new Random(1);
        for (int i = 0; i < numbers.length; i++) numbers[i] = random.nextFloat();
        WeightTensor tensor = new RandomModel.InMemory("w", 1500, 300, numbers);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment floats = arena.allocate(JAVA_FLOAT, numbers.length);
            MemorySegment shorts = arena.allocate(JAVA_SHORT, numbers.length);
            WeightReader reader = new WeightReader();
            reader.add(tensor, Dtype.FLOAT32, floats);
            reader.add(tensor, Dtype.BFLOAT16, shorts);
            reader.readAll(3);
            assertThat(floats.toArray(JAVA_FLOAT)).isEqualTo(numbers);
            for (int i = 0; i < numbers.length; i++) {
                float rounded = Float.intBitsToFloat(shorts.getAtIndex(JAVA_SHORT, i) << 16);
                assertThat(Math.abs(rounded - numbers[i])).isLessThanOrEqualTo(numbers[i] / 256);
            }
        }
    }

    @Test
    void bfloat16IsRoundedToNearestAndToEvenBetweenTwo() {
        assertThat(WeightReader.bfloat16(Float.intBitsToFloat(0x3f80_7fff))).isEqualTo((short) 0x3f80);
        assertThat(WeightReader.bfloat16(Float.intBitsToFloat(0x3f80_8000))).isEqualTo((short) 0x3f80);
        assertThat(WeightReader.bfloat16(Float.intBitsToFloat(0x3f81_8000))).isEqualTo((short) 0x3f82);
        assertThat(WeightReader.bfloat16(Float.intBitsToFloat(0x3f80_8001))).isEqualTo((short) 0x3f81);
        assertThat(WeightReader.bfloat16(Float.MAX_VALUE)).isEqualTo((short) 0x7f80); // infinity
        assertThat(WeightReader.bfloat16(Float.intBitsToFloat(0x7f80_0001))).isEqualTo((short) 0x7fc0); // still a NaN
        assertThat(WeightReader.bfloat16(-0f)).isEqualTo((short) 0x8000);
    }

    @Test
    void whatAThreadThrowsReachesTheCaller() {
        WeightTensor broken = new WeightTensor() {
            @Override
            public String name() {
                return "broken";
            }

            @Override
            public TensorType type() {
                return TensorType.F32;
            }

            @Override
            public int rows() {
                return 400;
            }

            @Override
            public int columns() {
                return 4096;
            }

            @Override
            public MemorySegment rowBytes(int row) {
                throw new AssertionError("not asked for");
            }

            @Override
            public void readRows(int firstRow, int rowCount, MemorySegment target) {
                throw new ModelFileException(FILE, "is damaged");
            }
        };
        try (Arena arena = Arena.ofShared()) {
            WeightReader reader = new WeightReader();
            reader.add(broken, Dtype.FLOAT32, arena.allocate(JAVA_FLOAT, 400 * 4096));
            assertThatThrownBy(() -> reader.readAll(2)).hasMessage("model.gguf: is damaged");
        }
    }
}

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TensorTest {
    private Torch torch;

    @BeforeEach
    void startTorch() {
        torch = Torch.start(2);
        Torch.prepareThread();
    }

    @Test
    void everyFunctionIsThereAndTheVersionIsTheOneThatDjlBrings() {
        TorchAbi.verify();
        assertThat(TorchAbi.abiVersion() >>> 40).isEqualTo(0x020701);
    }

    @Test
    void anOlderLibtorchOrOneThatLacksFunctionsIsRefusedByName() {
        assertThatThrownBy(() -> TorchAbi.refuseVersion(0x0206_0000_0000_0000L))
                .isInstanceOf(TorchFailed.class)
                .hasMessageContaining("2.6");
        assertThatThrownBy(() -> TorchAbi.refuseMissing(List.of("aoti_torch_a", "aoti_torch_b")))
                .isInstanceOf(TorchFailed.class)
                .hasMessageContaining("aoti_torch_a, aoti_torch_b");
    }

    @Test
    void gradientsAreOffInAPreparedThreadAndOnInAnother() throws InterruptedException {
        assertThat(TorchAbi.isGradMode()).isFalse();
        boolean[] elsewhere = {false, true};
        Thread other = new Thread(() -> {
            elsewhere[0] = TorchAbi.isGradMode();
            Torch.prepareThread();
            elsewhere[1] = TorchAbi.isGradMode();
        });
        other.start();
        other.join();
        assertThat(elsewhere).containsExactly(true, false);
    }

    @Test
    void theProductOfMatricesInOurOwnMemoryIsWrittenToOurOwnMemory() {
        int m = 5, k = 33, n = 7;
        Random random = new Random(1);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = randomFloats(arena, random, m * k);
            MemorySegment weight = randomFloats(arena, random, n * k); // [n, k], as linear layers are stored
            MemorySegment out = arena.allocate(4L * m * n, 64);
            try (Tensor aTensor = Tensor.over(a, Dtype.FLOAT32, m, k);
                    Tensor weightTensor = Tensor.over(weight, Dtype.FLOAT32, n, k);
                    Tensor transposed = weightTensor.transposed();
                    Tensor outTensor = Tensor.over(out, Dtype.FLOAT32, m, n)) {
                Tensor.multiply(outTensor, aTensor, transposed);
                assertThat(outTensor.address()).isEqualTo(out.address());
                for (int i = 0; i < m; i++) {
                    for (int j = 0; j < n; j++) {
                        assertThat(out.getAtIndex(JAVA_FLOAT, i * n + j))
                                .isCloseTo(dot(a, i * k, weight, j * k, k), offset());
                    }
                }
                Tensor.multiplyAdd(outTensor, aTensor, transposed);
                assertThat(out.getAtIndex(JAVA_FLOAT, 0)).isCloseTo(2 * dot(a, 0, weight, 0, k), offset());
            }
        }
    }

    @Test
    void rowsAreAViewOfTheSameMemory() {
        try (Tensor matrix = Tensor.empty(Dtype.FLOAT32, 4, 3);
                Tensor lower = matrix.rows(2, 2)) {
            assertThat(lower.address()).isEqualTo(matrix.address() + 2 * 3 * 4);
            matrix.memory().setAtIndex(JAVA_FLOAT, 2 * 3 + 1, 42f);
            assertThat(lower.memory().getAtIndex(JAVA_FLOAT, 1)).isEqualTo(42f);
        }
    }

    @Test
    void bfloat16IsMadeAndMultipliedWithoutDjl() {
        try (Tensor a = Tensor.empty(Dtype.BFLOAT16, 1, 2);
                Tensor b = Tensor.empty(Dtype.BFLOAT16, 2, 1);
                Tensor out = Tensor.empty(Dtype.BFLOAT16, 1, 1)) {
            a.memory().setAtIndex(JAVA_SHORT, 0, bfloat16(2f));
            a.memory().setAtIndex(JAVA_SHORT, 1, bfloat16(3f));
            b.memory().setAtIndex(JAVA_SHORT, 0, bfloat16(5f));
            b.memory().setAtIndex(JAVA_SHORT, 1, bfloat16(7f));
            Tensor.multiply(out, a, b);
            assertThat(out.memory().getAtIndex(JAVA_SHORT, 0)).isEqualTo(bfloat16(31f));
        }
    }

    @Test
    void shapesAndTypesThatDoNotFitAreNamedBeforeLibtorchSeesThem() {
        try (Tensor a = Tensor.empty(Dtype.FLOAT32, 2, 3);
                Tensor b = Tensor.empty(Dtype.FLOAT32, 4, 2);
                Tensor half = Tensor.empty(Dtype.BFLOAT16, 3, 2);
                Tensor out = Tensor.empty(Dtype.FLOAT32, 2, 2)) {
            assertThatThrownBy(() -> Tensor.multiply(out, a, b))
                    .isInstanceOf(TorchFailed.class)
                    .hasMessage("cannot multiply FLOAT32[2, 3] by FLOAT32[4, 2] into FLOAT32[2, 2]");
            assertThatThrownBy(() -> Tensor.multiply(out, a, half)).hasMessageContaining("BFLOAT16[3, 2]");
        }
    }

    @Test
    void aClosedTensorIsNotUsedAgain() {
        Tensor tensor = Tensor.empty(Dtype.FLOAT32, 1, 1);
        tensor.close();
        tensor.close();
        assertThatThrownBy(tensor::handle).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void memoryThatIsTooSmallOrOnTheHeapIsRefused() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment small = arena.allocate(8);
            assertThatThrownBy(() -> Tensor.over(small, Dtype.FLOAT32, 3)).hasMessageContaining("12 bytes");
        }
        MemorySegment heap = MemorySegment.ofArray(new float[3]);
        assertThatThrownBy(() -> Tensor.over(heap, Dtype.FLOAT32, 3)).hasMessageContaining("heap");
    }

    @Test
    void djlAndTheCInterfaceShareOneLibtorch() {
        try (NDManager manager = torch.newManager()) {
            assertThat(manager.ones(new ai.djl.ndarray.types.Shape(2, 3)).sum().getFloat())
                    .isEqualTo(6f);
        }
    }

    private static MemorySegment randomFloats(Arena arena, Random random, int count) {
        MemorySegment floats = arena.allocate(4L * count, 64);
        for (int i = 0; i < count; i++) floats.setAtIndex(JAVA_FLOAT, i, random.nextFloat() - 0.5f);
        return floats;
    }

    private static float dot(MemorySegment a, int aStart, MemorySegment b, int bStart, int length) {
        double sum = 0;
        for (int i = 0; i < length; i++) {
            sum += (double) a.getAtIndex(JAVA_FLOAT, aStart + i) * b.getAtIndex(JAVA_FLOAT, bStart + i);
        }
        return (float) sum;
    }

    private static org.assertj.core.data.Offset<Float> offset() {
        return org.assertj.core.data.Offset.offset(1e-5f);
    }

    private static short bfloat16(float exact) {
        return (short) (Float.floatToRawIntBits(exact) >>> 16);
    }
}

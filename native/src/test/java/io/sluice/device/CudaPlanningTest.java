package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What is decided for a CUDA device before anything is queued on it.
class CudaPlanningTest {
    private static final long GIB = 1L << 30;

    @Test
    void bucketsAreFineForFewSequencesAndNeverTooSmall() {
        DecodeBuckets buckets = new DecodeBuckets(512);
        assertThat(new int[] {
                    buckets.sizeFor(1),
                    buckets.sizeFor(3),
                    buckets.sizeFor(5),
                    buckets.sizeFor(9),
                    buckets.sizeFor(250),
                    buckets.sizeFor(257)
                })
                .containsExactly(1, 4, 8, 16, 256, 272);
        for (int count = 1; count <= 512; count++) {
            int size = buckets.sizeFor(count);
            assertThat(size).isBetween(count, Math.max(2 * count, count + 15));
            assertThat(buckets.sizeFor(size)).isEqualTo(size);
        }
    }

    @Test
    void noBucketIsLargerThanTheLargestStep() {
        DecodeBuckets buckets = new DecodeBuckets(13);
        assertThat(buckets.sizeFor(9)).isEqualTo(13);
        assertThat(buckets.sizeFor(13)).isEqualTo(13);
        assertThatThrownBy(() -> buckets.sizeFor(14)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> buckets.sizeFor(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void everyBucketIsCountedOnce() {
        for (int max : new int[] {1, 2, 7, 64, 300}) {
            DecodeBuckets buckets = new DecodeBuckets(max);
            long sizes = IntStream.rangeClosed(1, max)
                    .map(buckets::sizeFor)
                    .distinct()
                    .count();
            assertThat(buckets.count()).isEqualTo((int) sizes);
        }
    }

    @Test
    void theBudgetIsAShareOfTheWholeLessWhatIsInUse() {
        CudaBudget budget = new CudaBudget(80 * GIB, 0.9);
        assertThat(budget.leftBytes(50 * GIB)).isEqualTo(72 * GIB - 30 * GIB - CudaBudget.RESERVE_BYTES);
        budget.refuseTooMuch(50 * GIB, 20 * GIB, 22 * GIB - CudaBudget.RESERVE_BYTES);
        assertThatThrownBy(() -> budget.refuseTooMuch(50 * GIB, 20 * GIB, 22 * GIB))
                .isInstanceOf(NotEnoughMemory.class)
                .hasMessageContaining("lower kv-cache-memory or max-model-len, or raise gpu-memory-utilization");
        assertThatThrownBy(() -> budget.refuseTooMuch(50 * GIB, 60 * GIB, 1))
                .isInstanceOf(NotEnoughMemory.class)
                .hasMessageContaining("choose a smaller model");
    }

    @Test
    void theCacheIsWhatIsLeftInWholeBlocksOrWhatWasAskedFor() {
        RunnerSettings settings = settings(1 << 20);
        long blockBytes = DeviceMemory.blockBytes(RandomModel.TINY, settings);
        CudaBudget budget = new CudaBudget(4 * GIB, 1);
        long left = budget.leftBytes(3 * GIB) - 10_000;
        assertThat(budget.kvBytes(RandomModel.TINY, settings, true, 3 * GIB, 10_000))
                .isEqualTo(left / blockBytes * blockBytes);
        assertThat(budget.kvBytes(RandomModel.TINY, settings, false, 3 * GIB, 10_000))
                .isEqualTo(1 << 20);
        assertThatThrownBy(() -> budget.kvBytes(RandomModel.TINY, settings(2 * GIB), false, 2 * GIB, 0))
                .isInstanceOf(NotEnoughMemory.class)
                .hasMessageContaining("2,048 MiB are needed");
        assertThatThrownBy(() -> budget.kvBytes(RandomModel.TINY, settings, true, GIB / 16, 0))
                .isInstanceOf(NotEnoughMemory.class);
    }

    private static RunnerSettings settings(long kvBytes) {
        return new RunnerSettings(Dtype.FLOAT32, Dtype.FLOAT32, kvBytes, 0, 16, 160, 4, 160, true, false, Gemm.AUTO, 1);
    }

    @Test
    void aShareIsOneAtMost() {
        assertThatThrownBy(() -> new CudaBudget(GIB, 1.01)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new CudaSettings(0, 0, true)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new CudaSettings(-1, 0.9, true)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void libtorchGetsWhatItIsFasterWithFromThereOnUp() {
        CudaMatrix wide = matrix(96, 64);
        CudaMatrix tall = matrix(64, 96);
        CudaMatrix quantised = new CudaMatrix(1, 1, 64, 64, Format.INT8, 0);
        CudaGemmChoice choice =
                CudaGemmChoice.measured(List.of(wide, tall, quantised), 512, (matrix, rows, libtorch) -> {
                    if (!libtorch) return rows;
                    return matrix.equals(wide) && rows >= 128 ? rows * 0.5 : rows * 0.98; // a gain too small to be one
                });
        assertThat(choice.fromRows(wide)).isEqualTo(65);
        assertThat(choice.fromRows(tall)).isEqualTo(Integer.MAX_VALUE);
        assertThat(choice.fromRows(quantised)).isEqualTo(Integer.MAX_VALUE);
        assertThat(choice).hasToString("libtorch from 65 rows on, else our kernels (measured at start)");
    }

    @Test
    void libtorchGetsNothingWhereItLosesTheLargestStep() {
        CudaGemmChoice choice = CudaGemmChoice.measured(
                List.of(matrix(64, 64)), 2048, (matrix, rows, libtorch) -> libtorch == (rows > 1024) ? 2 : 1);
        assertThat(choice.fromRows(matrix(64, 64))).isEqualTo(Integer.MAX_VALUE);
        assertThat(choice).hasToString("our kernels (measured at start)");
    }

    @Test
    void whereLibtorchAlwaysWinsItGetsAllButTheFewRows() {
        CudaGemmChoice choice =
                CudaGemmChoice.measured(List.of(matrix(64, 64)), 512, (matrix, rows, libtorch) -> libtorch ? 1 : 2);
        assertThat(choice.fromRows(matrix(64, 64))).isEqualTo(CudaKernels.FEW_ROWS + 1);
    }

    private static CudaMatrix matrix(int rows, int columns) {
        return new CudaMatrix(1, 0, rows, columns, Format.BFLOAT16, 0);
    }

    /// The CUDA graph knows what these say. A component that is added must be computed by `CudaLlama` or
    /// refused by `CudaModel`, and then be added here.
    @Test
    void everythingThatAModelCanSayIsComputedOrRefused() {
        assertThat(ModelConfig.class.getRecordComponents())
                .extracting(RecordComponent::getName)
                .containsExactly(
                        "architecture",
                        "vocabSize",
                        "hiddenSize",
                        "layerCount",
                        "headCount",
                        "kvHeadCount",
                        "headDim",
                        "intermediateSize",
                        "rmsNormEps",
                        "ropeTheta",
                        "contextMax",
                        "tiedHead",
                        "traits"); // any but Llama's are refused
    }
}

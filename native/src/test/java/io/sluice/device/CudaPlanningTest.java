package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
    void theBudgetIsAShareOfTheWholeLessWhatOthersHave() {
        CudaBudget budget = new CudaBudget(80 * GIB, 70 * GIB, 0.9);
        long left = budget.leftBytes(20 * GIB);
        assertThat(left).isEqualTo(72 * GIB - 10 * GIB - CudaBudget.RESERVE_BYTES - 20 * GIB);
        budget.refuseTooMuch(20 * GIB, left);
        assertThatThrownBy(() -> budget.refuseTooMuch(20 * GIB, left + 1))
                .isInstanceOf(NotEnoughMemory.class)
                .hasMessageContaining("lower kv-cache-memory to at most");
        assertThatThrownBy(() -> budget.refuseTooMuch(70 * GIB, 1))
                .isInstanceOf(NotEnoughMemory.class)
                .hasMessageContaining("choose a smaller model");
    }

    @Test
    void aShareIsOneAtMost() {
        assertThatThrownBy(() -> new CudaBudget(GIB, GIB, 1.01)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new CudaBudget(GIB, GIB, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}

package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;

class BlockPoolTest {
    private static final int BLOCK_SIZE = 2;
    private final PrefixIndex index = new PrefixIndex(4, BLOCK_SIZE, BlockHash.keyed(new Random(1)));
    private final BlockPool pool = new BlockPool(4, index);

    @Test
    void blocksWithoutAReusablePrefixAreTakenFirstThenTheLeastRecentlyReleased() {
        int a = offered(1);
        int b = offered(2);
        int plain = pool.allocateAny(null);
        int last = pool.allocateAny(null);
        pool.release(b);
        pool.release(a);
        pool.release(plain);
        assertThat(pool.freeCount()).isEqualTo(3);
        assertThat(pool.cachedCount()).isEqualTo(2);
        assertThat(pool.allocateAny(null)).isEqualTo(plain);
        assertThat(pool.allocateAny(null)).isEqualTo(b);
        assertThat(pool.allocateAny(null)).isEqualTo(a);
        assertThat(last).isNotEqualTo(plain);
        assertThat(index.count()).isZero();
    }

    @Test
    void aCachedBlockThatIsRetainedAgainLeavesTheFreeList() {
        int a = offered(1);
        pool.release(a);
        int found = index.follow(new PrefixChain(PrefixScope.of(0)), new int[] {1, 1});
        assertThat(found).isEqualTo(a);
        pool.retain(found);
        assertThat(pool.freeCount()).isEqualTo(3);
        assertThat(pool.cachedCount()).isZero();
        for (int i = 0; i < 3; i++) assertThat(pool.allocateAny(null)).isNotEqualTo(a);
        assertThatThrownBy(() -> pool.allocateAny(null)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void releasingAFreeBlockIsABug() {
        int block = pool.allocateAny(null);
        pool.release(block);
        assertThatThrownBy(() -> pool.release(block)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void retainingAFreeBlockThatHoldsNothingIsABug() {
        assertThatThrownBy(() -> pool.retain(0)).isInstanceOf(Invariant.Broken.class);
    }

    /// Takes a block and makes it findable as the first block of a prompt of `token`s.
    private int offered(int token) {
        int block = pool.allocateAny(null);
        index.offer(new PrefixChain(PrefixScope.of(0)), new int[] {token, token}, block);
        return block;
    }
}

package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CachedBlocksTest {

    @Test
    void whatWasFreeLongestIsForgottenFirst() {
        var blocks = new CachedBlocks(3);
        int first = labelled(blocks, 11);
        int second = labelled(blocks, 12);
        blocks.release(first);
        blocks.release(second);
        blocks.allocate(); // the one that never held anything
        assertThat(blocks.find(11)).isEqualTo(first);
        blocks.allocate();
        assertThat(blocks.find(11)).isEqualTo(CachedBlocks.NONE);
        assertThat(blocks.find(12)).isEqualTo(second);
    }

    @Test
    void aBlockInUseIsNeverTaken() {
        var blocks = new CachedBlocks(2);
        int held = labelled(blocks, 11);
        blocks.retain(held);
        blocks.release(held);
        blocks.allocate();
        assertThat(blocks.freeCount()).isZero();
        assertThatThrownBy(blocks::allocate).isInstanceOf(IllegalStateException.class);
        blocks.release(held);
        assertThatThrownBy(() -> blocks.release(held)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void agreesWithAPlainMapOverManyRandomSteps() {
        for (long seed = 1; seed <= 50; seed++) {
            var random = new SplittableRandom(seed);
            int count = 1 + random.nextInt(40);
            var blocks = new CachedBlocks(count);
            Map<Integer, Long> contents = new HashMap<>(); // of blocks that hold something, block by block
            List<Integer> held = new ArrayList<>();
            for (int step = 0; step < 2000; step++) {
                if (blocks.freeCount() > 0 && random.nextInt(3) > 0) {
                    int block = blocks.allocate();
                    assertThat(held).as("seed %d", seed).doesNotContain(block);
                    contents.remove(block);
                    long key = Mix.of(seed, random.nextInt(3 * count) + 1);
                    if (!contents.containsValue(key)) contents.put(block, key);
                    blocks.label(block, key);
                    held.add(block);
                } else if (!held.isEmpty()) {
                    blocks.release(held.remove(/* index */ random.nextInt(held.size())));
                }
                long asked = Mix.of(seed, random.nextInt(3 * count) + 1);
                int found = blocks.find(asked);
                if (found == CachedBlocks.NONE) assertThat(contents).doesNotContainValue(asked);
                else assertThat(contents).containsEntry(found, asked);
                assertThat(blocks.freeCount()).isEqualTo(count - held.size());
            }
        }
    }

    private static int labelled(CachedBlocks blocks, long contents) {
        int block = blocks.allocate();
        blocks.label(block, contents);
        return block;
    }
}

package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchesTest {

    @Test
    void rowsArePaddedAfterTheTextAndOnlyLearnedTokensCount() {
        List<Batches.Batch> batches = Batches.batches(List.of(text(2, 7, 8, 9), text(1, 5, 6)), 8);

        assertThat(batches).hasSize(1);
        Batches.Batch batch = batches.getFirst();
        assertThat(batch.ids()).containsExactly(5, 6, DemoTokenizer.END_ID, 7, 8, 9);
        assertThat(batch.from()).containsExactly(0, 4);
        assertThat(batch.next()).containsExactly(6, 9);
    }

    @Test
    void aBatchHoldsNoMoreTokensThanAllowed() {
        List<Batches.Batch> batches = Batches.batches(List.of(text(1, 1, 2, 3), text(1, 4, 5), text(1, 6, 7)), 6);

        assertThat(batches).extracting(batch -> batch.ids().length).containsExactly(4, 3);
    }

    /// A text whose ids from `learnedFrom` on are learned.
    private static DemoTokenizer.Encoded text(int learnedFrom, int... ids) {
        var learned = new BitSet();
        learned.set(learnedFrom, ids.length);
        return new DemoTokenizer.Encoded(ids, learned);
    }
}

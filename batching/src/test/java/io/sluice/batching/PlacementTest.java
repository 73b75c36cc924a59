package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PlacementTest {
    private final Placement placement = new Placement(3, true);

    @Test
    void aRequestGoesWhereThereIsLeastToDo() {
        assertThat(placement.order(prompt(0, 10), new int[] {5, 2, 3})).containsExactly(1, 2, 0);
    }

    @Test
    void amongEqualsEachHasItsTurn() {
        Set<Integer> firsts = new HashSet<>();
        for (int i = 0; i < 3; i++)
            firsts.add(placement.order(prompt(0, 10), new int[3]).getFirst());
        assertThat(firsts).containsExactlyInAnyOrder(0, 1, 2);
    }

    @Test
    void aPromptGoesWhereItsBeginningWasComputedBefore() {
        placement.remember(prompt(0, 300), 2);
        assertThat(placement.order(prompt(0, 200), new int[] {0, 1, 4}).getFirst())
                .isEqualTo(2);
        assertThat(placement.order(prompt(1, 200), new int[] {0, 1, 4}).getFirst())
                .as("another prompt")
                .isEqualTo(0);
    }

    @Test
    void theLongerBeginningCountsMore() {
        placement.remember(prompt(0, 64), 0);
        placement.remember(prompt(0, 640), 1);
        assertThat(placement.order(prompt(0, 640), new int[3])).startsWith(1, 0);
    }

    @Test
    void aBeginningOfLessThanAChunkIsNotWorthADetour() {
        placement.remember(prompt(0, Placement.CHUNK - 1), 2);
        assertThat(placement
                        .order(prompt(0, Placement.CHUNK - 1), new int[] {0, 1, 1})
                        .getFirst())
                .isEqualTo(0);
    }

    @Test
    void whoHasMuchMoreToDoThanAnotherIsNotAskedFirstWhateverItKnows() {
        placement.remember(prompt(0, 300), 2);
        assertThat(placement.order(prompt(0, 300), new int[] {10, 12, 17}).getFirst())
                .as("more, but not much more")
                .isEqualTo(2);
        assertThat(placement.order(prompt(0, 300), new int[] {10, 12, 18}).getFirst())
                .isEqualTo(0);
    }

    @Test
    void whatOneTenantComputedIsNothingToAnother() {
        placement.remember(prompt(0, 300), 2);
        GenerationRequest other =
                RequestBuilder.request().prompt(0, 300).scope(PrefixScope.of(7)).build();
        assertThat(placement.order(other, new int[] {0, 1, 1}).getFirst()).isEqualTo(0);
        GenerationRequest sharing = RequestBuilder.request()
                .prompt(0, 300)
                .scope(new PrefixScope(7, 5, 128))
                .build();
        placement.remember(sharing, 1);
        GenerationRequest alsoSharing = RequestBuilder.request()
                .prompt(0, 300)
                .scope(new PrefixScope(8, 5, 128))
                .build();
        assertThat(placement.order(alsoSharing, new int[] {0, 1, 1}).getFirst())
                .as("a prefix that both may share")
                .isEqualTo(1);
    }

    @Test
    void withoutAPrefixCacheBeginningsAreNothing() {
        Placement without = new Placement(2, false);
        without.remember(prompt(0, 300), 1);
        assertThat(without.order(prompt(0, 300), new int[] {0, 1}).getFirst()).isEqualTo(0);
    }

    @Test
    void whoServesNobodyIsLeftOut() {
        assertThat(placement.order(prompt(0, 10), new int[] {-1, 3, -1})).containsExactly(1);
        assertThat(placement.order(prompt(0, 10), new int[] {-1, -1, -1})).isEmpty();
    }

    /// A bound that is not kept would be a leak that anybody can feed.
    @Test
    void oldBeginningsAreForgotten() {
        placement.remember(prompt(0, 64), 2);
        for (int i = 1; i <= 1 << 14; i++) placement.remember(prompt(i, 64), 2);
        assertThat(placement.order(prompt(0, 64), new int[] {0, 1, 1}).getFirst())
                .isEqualTo(0);
        assertThat(placement.order(prompt(9000, 64), new int[] {0, 1, 1}).getFirst())
                .isEqualTo(2);
    }

    private static GenerationRequest prompt(int first, int length) {
        return RequestBuilder.request().prompt(first, length).build();
    }
}

package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// With whom blocks are shared, asked of real blocks: 64 of four tokens.
class PrefixScopeTest {
    private static final int BLOCK_SIZE = 4;
    private static final long EVERYBODY = 1000;

    private final RunningSequences running =
            new RunningSequences(new ModelLimits(64, BLOCK_SIZE, 1000, 512, 64, 100_000, 0));

    @Test
    void equalPromptsOfOneTenantShareTheirBlocks() {
        assertThat(sharedBy(PrefixScope.of(1), PrefixScope.of(1))).isEqualTo(5);
    }

    @Test
    void equalPromptsOfTwoTenantsShareNothing() {
        assertThat(sharedBy(PrefixScope.of(1), PrefixScope.of(2))).isZero();
    }

    @Test
    void whatAnOperatorSharesIsSharedAsFarAsItFillsBlocks() {
        assertThat(sharedBy(new PrefixScope(1, EVERYBODY, 11), new PrefixScope(2, EVERYBODY, 11)))
                .isEqualTo(2);
        assertThat(sharedBy(new PrefixScope(3, EVERYBODY, 12), new PrefixScope(4, EVERYBODY, 12)))
                .isEqualTo(3);
    }

    @Test
    void twoSharedPrefixesOfOtherNamesAreNotOne() {
        assertThat(sharedBy(new PrefixScope(1, EVERYBODY, 12), new PrefixScope(2, EVERYBODY + 1, 12)))
                .isZero();
    }

    @Test
    void aTenantThatDoesNotTakePartSharesNothing() {
        assertThat(sharedBy(new PrefixScope(1, EVERYBODY, 12), PrefixScope.of(2)))
                .isZero();
        assertThat(sharedBy(PrefixScope.of(EVERYBODY), new PrefixScope(2, 3, 12)))
                .isZero();
    }

    @Test
    void beyondTheSharedPrefixATenantSharesWithItselfAlone() {
        var scope = new PrefixScope(1, EVERYBODY, 12);
        assertThat(sharedBy(scope, scope)).isEqualTo(5);
    }

    @Test
    void aSharedPrefixOfLessThanNothingIsNonsense() {
        assertThatThrownBy(() -> new PrefixScope(1, 2, -1)).hasMessageContaining("-1");
    }

    @Test
    void noBlockIsEverInTheTablesOfTwoWhoMayNotShareIt() {
        for (long seed = 0; seed < 20; seed++) {
            var random = new Random(seed);
            var all = new RunningSequences(new ModelLimits(64, BLOCK_SIZE, 1000, 512, 256, 100_000, 0));
            List<Sequence> open = new ArrayList<>();
            int shares = 0;
            for (int round = 0; round < 300; round++) {
                int length = 1 + random.nextInt(24);
                int shared = random.nextBoolean() ? 0 : random.nextInt(Math.min(10, length) + 1);
                var scope = new PrefixScope(random.nextInt(3), EVERYBODY + random.nextInt(2), shared);
                Sequence next = all.arrive(request().promptLength(length).scope(scope));
                if (all.blocks.missing(next) <= all.blocks.available(next) && random.nextInt(3) > 0) {
                    all.start(next);
                    all.compute(next);
                    open.add(next);
                } else if (!open.isEmpty()) {
                    all.end(open.remove(random.nextInt(open.size())));
                }
                shares += checkSharing(open, "seed " + seed);
            }
            assertThat(shares).as("seed %d: nothing was shared at all", seed).isPositive();
        }
    }

    /// @return blocks that several sequences hold
    private static int checkSharing(List<Sequence> open, String seed) {
        Map<Integer, String> mayShare = new HashMap<>(); // by block
        int shares = 0;
        for (Sequence sequence : open) {
            PrefixScope scope = sequence.request().prefixScope();
            for (int i = 0; i < sequence.table().count(); i++) {
                boolean isShared = (i + 1) * BLOCK_SIZE <= scope.sharedTokens();
                String who = isShared ? "shared " + scope.sharedSalt() : "tenant " + scope.salt();
                String before = mayShare.put(sequence.table().block(i), who);
                if (before == null) continue;
                assertThat(who).as(seed).isEqualTo(before);
                shares++;
            }
        }
        return shares;
    }

    /// Blocks that the second of two equal prompts takes over from the first.
    private int sharedBy(PrefixScope one, PrefixScope other) {
        Sequence first = running.run(request().promptLength(22).scope(one));
        Sequence second = running.run(request().promptLength(22).scope(other));
        int shared = 0;
        while (first.table().block(shared) == second.table().block(shared)) shared++;
        assertThat(running.blocks.sharedCount(second)).isEqualTo(shared);
        return shared;
    }
}

package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class PrefixIndexTest {

    /// Computed with `openssl mac -macopt hexkey:000102..0f -macopt size:16 SIPHASH`.
    @Test
    void theHashIsSipHash() {
        assertHash(0, 0x1d246eb35e8bffc4L, 0x603894760fa1744aL);
        assertHash(1, 0xb620867c5e45d27bL, 0x39631ef4a8f6620fL);
        assertHash(4, 0xf64978622428567aL, 0x82d9765614235e1dL);
        assertHash(5, 0xd6efd3cbc9b63c80L, 0x351ecffa07e121fdL);
    }

    private static void assertHash(int length, long low, long high) {
        var hash = new BlockHash.SipHash(0x0706050403020100L, 0x0f0e0d0c0b0a0908L);
        int[] tokens = new int[length + 2];
        for (int i = 0; i < length; i++) tokens[i + 2] = 7 * i + 1;
        hash.compute(0x1122334455667788L, 0x99aabbccddeeff00L, tokens, 2, length);
        assertThat(hash.low()).isEqualTo(low);
        assertThat(hash.high()).isEqualTo(high);
    }

    @Test
    void aPromptIsFollowedBlockByBlockOnlyUnderItsOwnSalt() {
        var index = new PrefixIndex(8, 2, BlockHash.keyed(new Random(1)));
        int[] tokens = {1, 2, 3, 4, 5, 6};
        offer(index, 7, tokens, 0, 1, 2);
        var same = new PrefixChain(PrefixScope.of(7));
        assertThat(index.follow(same, tokens)).isEqualTo(0);
        assertThat(index.follow(same, tokens)).isEqualTo(1);
        assertThat(index.follow(same, new int[] {1, 2, 3, 4, 5, 9})).isEqualTo(BlockPool.NO_BLOCK);
        assertThat(index.follow(same, tokens)).isEqualTo(2);
        assertThat(index.follow(new PrefixChain(PrefixScope.of(8)), tokens)).isEqualTo(BlockPool.NO_BLOCK);
    }

    @Test
    void allTokensHashingAlikeChangesNothingButTheSpeed() {
        var index = new PrefixIndex(64, 1, new SimulatedParts.WeakHash(BlockHash.keyed(new Random(1)), 0));
        for (int block = 0; block < 64; block++) offer(index, 0, new int[] {block}, block);
        for (int block = 0; block < 64; block += 2) index.forget(block);
        index.checkInvariants();
        for (int block = 0; block < 64; block++) {
            int expected = block % 2 == 0 ? BlockPool.NO_BLOCK : block;
            assertThat(index.follow(new PrefixChain(PrefixScope.of(0)), new int[] {block}))
                    .isEqualTo(expected);
        }
    }

    @Test
    void tenantsShareNothingEvenIfAllHashesAreAlike() {
        var index = new PrefixIndex(8, 1, new SimulatedParts.WeakHash(BlockHash.keyed(new Random(1)), 0));
        int[] tokens = {1, 2};
        offer(index, 7, tokens, 0, 1);
        assertThat(index.follow(new PrefixChain(PrefixScope.of(8)), tokens)).isEqualTo(BlockPool.NO_BLOCK);
        assertThat(index.follow(new PrefixChain(PrefixScope.of(7)), tokens)).isEqualTo(0);
    }

    @Test
    void forgettingClosesTheGapsOfTheProbeRuns() {
        var random = new Random(3);
        var index = new PrefixIndex(32, 1, new SimulatedParts.WeakHash(BlockHash.keyed(new Random(1)), 5));
        var present = new boolean[32];
        for (int round = 0; round < 20_000; round++) {
            int block = random.nextInt(32);
            if (present[block]) index.forget(block);
            else offer(index, 0, new int[] {block}, block);
            present[block] = !present[block];
            int asked = random.nextInt(32);
            int expected = present[asked] ? asked : BlockPool.NO_BLOCK;
            assertThat(index.follow(new PrefixChain(PrefixScope.of(0)), new int[] {asked}))
                    .isEqualTo(expected);
        }
        index.checkInvariants();
    }

    @Test
    void theContinuationOfAForgottenBlockIsNotFoundEvenIfTheBlockComesBack() {
        var index = new PrefixIndex(8, 1, BlockHash.keyed(new Random(1)));
        int[] tokens = {1, 2};
        offer(index, 0, tokens, 0, 1);
        index.forget(0);
        assertThat(index.follow(new PrefixChain(PrefixScope.of(0)), tokens)).isEqualTo(BlockPool.NO_BLOCK);
        offer(index, 0, tokens, 5);
        var chain = new PrefixChain(PrefixScope.of(0));
        assertThat(index.follow(chain, tokens)).isEqualTo(5);
        assertThat(index.follow(chain, tokens)).isEqualTo(BlockPool.NO_BLOCK);
        // Offered again by its owner, it is found again.
        index.offer(chain, tokens, 1);
        assertThat(index.count()).isEqualTo(2);
        index.checkInvariants();
    }

    private static void offer(PrefixIndex index, long salt, int[] tokens, int... blocks) {
        var chain = new PrefixChain(PrefixScope.of(salt));
        for (int block : blocks) index.offer(chain, tokens, block);
    }
}

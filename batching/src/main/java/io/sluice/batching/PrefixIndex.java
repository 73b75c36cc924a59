package io.sluice.batching;

import java.util.Arrays;

/// Finds the block that already holds the keys and values of a prompt's next block of tokens. Hot path: no
/// allocation. Engine thread only.
///
/// An entry is one full, computed block. It is found by a chained 128-bit hash and believed only if its
/// tokens and its salt are equal and its parent is the very entry the search came from. Entries have serial
/// numbers that are never used again, so by induction a hit has equal tokens from position 0 and equal salts
/// all along: the hash decides how fast a lookup is, never whether it is right.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class PrefixIndex {
    private final int blockSize;
    private final BlockHash hash;
    private final int[] slots; // open addressing, linear probing; block or NO_BLOCK
    private final int mask;
    private final long[] serial; // [block], 0 if the block is not indexed
    private final long[] parentSerial; // [block], serial of the entry for the block before it; 0 for first blocks
    private final long[] salt; // [block], with whom it is shared
    private final long[] low; // [block], the hash half that chooses the slot
    private final long[] high; // [block]
    private final int[] tokens; // [block, blockSize]
    private long latestSerial;
    private int count;

    PrefixIndex(int blockCount, int blockSize, BlockHash hash) {
        this.blockSize = blockSize;
        this.hash = hash;
        // At most half full, so that a probe ends soon.
        slots = new int[Math.max(2, Integer.highestOneBit(blockCount) * 4)];
        Arrays.fill(slots, BlockPool.NO_BLOCK);
        mask = slots.length - 1;
        serial = new long[blockCount];
        parentSerial = new long[blockCount];
        salt = new long[blockCount];
        low = new long[blockCount];
        high = new long[blockCount];
        tokens = new int[Math.multiplyExact(blockCount, blockSize)];
    }

    /// Extends `chain` by the next block of `sequenceTokens` if that block is indexed.
    ///
    /// @return the block, or `NO_BLOCK`, in which case the chain is as before
    int follow(PrefixChain chain, int[] sequenceTokens) {
        int from = chain.length() * blockSize;
        hash.compute(chain.high() ^ saltOf(chain), chain.low(), sequenceTokens, from, blockSize);
        int block = find(chain, sequenceTokens, from);
        if (block != BlockPool.NO_BLOCK) chain.extend(hash.high(), hash.low(), block, serial[block]);
        return block;
    }

    /// Makes `block` findable as the next block of `chain`, unless an equal one already is, and extends the
    /// chain. Only for a live chain and a block that a step has filled, after that step was applied.
    void offer(PrefixChain chain, int[] sequenceTokens, int block) {
        if (follow(chain, sequenceTokens) != BlockPool.NO_BLOCK) return;
        // The block may still be known as the continuation of an entry that was forgotten: nobody finds it
        // there.
        if (contains(block)) forget(block);
        insert(chain, sequenceTokens, block);
        chain.extend(high[block], low[block], block, serial[block]);
    }

    /// False if the entry that the chain ends in was forgotten since.
    boolean isLive(PrefixChain chain) {
        return chain.length() == 0 || serial[chain.lastBlock()] == chain.lastSerial();
    }

    private int find(PrefixChain chain, int[] sequenceTokens, int from) {
        int slot = (int) hash.low() & mask;
        while (slots[slot] != BlockPool.NO_BLOCK) {
            int block = slots[slot];
            if (low[block] == hash.low() && high[block] == hash.high() && holds(block, chain, sequenceTokens, from)) {
                return block;
            }
            slot = (slot + 1) & mask;
        }
        return BlockPool.NO_BLOCK;
    }

    /// True if the entry really is this chain's continuation by these tokens, whatever the hash says.
    boolean holds(int block, PrefixChain chain, int[] sequenceTokens, int from) {
        return salt[block] == saltOf(chain)
                && parentSerial[block] == parentOf(chain)
                && Arrays.equals(
                        tokens, block * blockSize, (block + 1) * blockSize, sequenceTokens, from, from + blockSize);
    }

    /// What the entry after the chain's end names as its parent.
    long parentOf(PrefixChain chain) {
        return chain.lastSerial();
    }

    /// With whom the block after the chain's end is shared.
    long saltOf(PrefixChain chain) {
        return chain.salt((chain.length() + 1) * blockSize);
    }

    private void insert(PrefixChain chain, int[] sequenceTokens, int block) {
        serial[block] = ++latestSerial;
        parentSerial[block] = parentOf(chain);
        salt[block] = saltOf(chain);
        low[block] = hash.low();
        high[block] = hash.high();
        System.arraycopy(sequenceTokens, chain.length() * blockSize, tokens, block * blockSize, blockSize);
        int slot = (int) low[block] & mask;
        while (slots[slot] != BlockPool.NO_BLOCK) slot = (slot + 1) & mask;
        slots[slot] = block;
        count++;
    }

    /// Removes the entry of `block`, closing the gap so that no tombstones gather.
    void forget(int block) {
        int hole = (int) low[block] & mask;
        while (slots[hole] != block) {
            Invariant.check(slots[hole] != BlockPool.NO_BLOCK, "an indexed block is not in its probe run");
            hole = (hole + 1) & mask;
        }
        serial[block] = 0;
        count--;
        for (int slot = (hole + 1) & mask; slots[slot] != BlockPool.NO_BLOCK; slot = (slot + 1) & mask) {
            int home = (int) low[slots[slot]] & mask;
            boolean mayMove = ((slot - home) & mask) >= ((slot - hole) & mask);
            if (!mayMove) continue;
            slots[hole] = slots[slot];
            hole = slot;
        }
        slots[hole] = BlockPool.NO_BLOCK;
    }

    boolean contains(int block) {
        return serial[block] != 0;
    }

    int count() {
        return count;
    }

    void checkInvariants() {
        int found = 0;
        for (int slot = 0; slot < slots.length; slot++) {
            if (slots[slot] == BlockPool.NO_BLOCK) continue;
            Invariant.check(contains(slots[slot]), "the index's table names a block that it forgot");
            found++;
        }
        int indexed = 0;
        for (long number : serial) {
            if (number != 0) indexed++;
        }
        Invariant.check(found == count && indexed == count, "the index's table and its entries differ in number");
    }
}

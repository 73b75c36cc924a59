package io.sluice.benchmarks.traffic;

import java.util.Arrays;

/// KV blocks with reference counts and a cache of what the free ones still hold, for schedulers that keep no
/// tokens: a block's contents are a key. The block that was free longest is taken first, those that hold
/// nothing before all. One thread.
final class CachedBlocks {
    static final int NONE = -1;

    private static final long NO_KEY = 0;

    private final int[] references; // [block]
    private final long[] key; // [block], of its contents, or NO_KEY
    private final int[] next; // [block + 1], the free ones, first to be taken first; the last entry is the ring's head
    private final int[] previous; // [block + 1]
    private final int head;
    private final int[] slots; // open addressing, linear probing; block or NONE
    private final int mask;
    private int freeCount;

    CachedBlocks(int blockCount) {
        references = new int[blockCount];
        key = new long[blockCount];
        next = new int[blockCount + 1];
        previous = new int[blockCount + 1];
        head = blockCount;
        next[head] = head;
        previous[head] = head;
        slots = new int[Integer.highestOneBit(blockCount) * 4]; // at most half full
        Arrays.fill(slots, NONE);
        mask = slots.length - 1;
        for (int block = 0; block < blockCount; block++) link(block, head);
    }

    int freeCount() {
        return freeCount;
    }

    int usedCount() {
        return references.length - freeCount;
    }

    int blockCount() {
        return references.length;
    }

    /// The block that holds these contents, or NONE.
    int find(long contents) {
        int slot = slot(contents);
        while (slots[slot] != NONE) {
            if (key[slots[slot]] == contents) return slots[slot];
            slot = (slot + 1) & mask;
        }
        return NONE;
    }

    void retain(int block) {
        if (references[block]++ == 0) unlink(block);
    }

    /// Takes a free block, which forgets what it held. There must be one.
    int allocate() {
        int block = next[head];
        if (block == head) throw new IllegalStateException("no free block: ask first");
        unlink(block);
        if (key[block] != NO_KEY) forget(block);
        references[block] = 1;
        return block;
    }

    /// Says what a block holds from now on. Of equal blocks one is known.
    void label(int block, long contents) {
        if (contents == NO_KEY || key[block] != NO_KEY || find(contents) != NONE) return;
        key[block] = contents;
        int slot = slot(contents);
        while (slots[slot] != NONE) slot = (slot + 1) & mask;
        slots[slot] = block;
    }

    void release(int block) {
        if (references[block] <= 0) throw new IllegalStateException("a block was released more often than retained");
        if (--references[block] == 0) link(block, key[block] == NO_KEY ? next[head] : head);
    }

    private void forget(int block) {
        int hole = slot(key[block]);
        while (slots[hole] != block) hole = (hole + 1) & mask;
        key[block] = NO_KEY;
        for (int slot = (hole + 1) & mask; slots[slot] != NONE; slot = (slot + 1) & mask) {
            int home = slot(key[slots[slot]]);
            if (((slot - home) & mask) < ((slot - hole) & mask)) continue; // it would leave its probe run
            slots[hole] = slots[slot];
            hole = slot;
        }
        slots[hole] = NONE;
    }

    private int slot(long contents) {
        return (int) contents & mask; // keys are well mixed
    }

    private void link(int block, int before) {
        int after = previous[before];
        next[after] = block;
        previous[block] = after;
        next[block] = before;
        previous[before] = block;
        freeCount++;
    }

    private void unlink(int block) {
        next[previous[block]] = next[block];
        previous[next[block]] = previous[block];
        freeCount--;
    }
}

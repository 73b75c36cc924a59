package io.sluice.batching;

import java.util.Arrays;

/// Says which KV blocks are in use and by how many sequences. Hot path: no allocation. Engine thread only.
///
/// The free list is also the eviction order: blocks that hold nothing reusable are taken first, then the cached
/// prefixes, least recently released first. A cached block stays findable while it is free; taking it for new
/// contents makes the prefix index forget it first.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class BlockPool {

    /// No block: the end of a search that found none.
    static final int NO_BLOCK = -1;

    private final PrefixIndex index;
    private final int[] references; // [block], sequences whose table holds the block
    private final int[] next; // [block + 1], free list, first to be taken first; the last entry is its ring's head
    private final int[] previous; // [block + 1]
    private final int head; // the list's fixed point, an index beyond all blocks
    private int freeCount;
    private int cachedCount; // free blocks that the prefix index knows

    BlockPool(int blockCount, PrefixIndex index) {
        this.index = index;
        references = new int[blockCount];
        next = new int[blockCount + 1];
        previous = new int[blockCount + 1];
        head = blockCount;
        next[head] = head;
        previous[head] = head;
        for (int block = 0; block < blockCount; block++) linkBefore(head, block);
    }

    /// Takes a free block for new contents, with one reference. There must be one.
    int allocate() {
        Invariant.check(freeCount > 0, "no free block: the scheduler must ask first");
        int block = next[head];
        unlink(block);
        if (index.contains(block)) {
            cachedCount--;
            forget(block);
        }
        references[block] = 1;
        return block;
    }

    /// Adds a reference to a block whose contents are shared from now on; it may have been free.
    void retain(int block) {
        if (references[block] == 0) {
            Invariant.check(index.contains(block), "a free block is retained only for the prefix it holds");
            unlink(block);
            cachedCount--;
        }
        references[block]++;
    }

    /// Drops a reference; the last one frees the block.
    void release(int block) {
        Invariant.check(references[block] > 0, "a block was released more often than retained");
        references[block]--;
        if (references[block] > 0) return;
        if (index.contains(block)) {
            cachedCount++;
            linkBefore(head, block);
        } else {
            linkBefore(next[head], block);
        }
    }

    /// Makes the index forget what `block` held, because its contents are about to be replaced.
    void forget(int block) {
        index.forget(block);
    }

    /// Forgets every cached prefix: the device's memory can no longer be trusted.
    void forgetAll() {
        index.clear();
        cachedCount = 0;
    }

    int freeCount() {
        return freeCount;
    }

    /// Free blocks that hold a reusable prefix.
    int cachedCount() {
        return cachedCount;
    }

    int blockCount() {
        return references.length;
    }

    int references(int block) {
        return references[block];
    }

    private void linkBefore(int successor, int block) {
        int predecessor = previous[successor];
        next[predecessor] = block;
        previous[block] = predecessor;
        next[block] = successor;
        previous[successor] = block;
        freeCount++;
    }

    private void unlink(int block) {
        next[previous[block]] = next[block];
        previous[next[block]] = previous[block];
        freeCount--;
    }

    /// Full check, for tests and idle moments: free and referenced blocks are all blocks, and the reference counts are
    /// those that the tables add up to.
    ///
    /// @param expected [block], how many tables hold each block
    void checkInvariants(int[] expected) {
        Invariant.check(Arrays.equals(references, expected), "reference counts differ from the tables' holdings");
        int free = 0;
        int cached = 0;
        for (int block = next[head]; block != head; block = next[block]) {
            Invariant.check(references[block] == 0, "a referenced block is in the free list");
            Invariant.check(previous[next[block]] == block, "the free list's links disagree");
            free++;
            Invariant.check(free <= references.length, "the free list runs in a circle");
            if (index.contains(block)) cached++;
        }
        int unreferenced = 0;
        for (int count : references) {
            if (count == 0) unreferenced++;
        }
        Invariant.check(free == freeCount, "the free list's length differs from its count");
        Invariant.check(free == unreferenced, "a block is neither free nor referenced");
        Invariant.check(cached == cachedCount, "the count of cached blocks is wrong");
        index.checkInvariants();
    }
}

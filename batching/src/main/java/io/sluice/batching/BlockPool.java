package io.sluice.batching;

import java.util.Arrays;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/// Says which KV blocks are in use and by how many sequences. Hot path: no allocation. Engine thread only.
///
/// The free list is also the eviction order: blocks that hold nothing reusable are taken first, then the
/// cached prefixes, least recently released first. A cached block stays findable while it is free; taking it
/// for new contents makes the prefix index forget it first. Cached blocks below their tenant's floor are
/// passed over when another tenant needs one.
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
    private final @Nullable TenantAccount[] owners; // [block], for whom its contents were computed
    private int protectedCount; // cached blocks that only their tenants may take

    BlockPool(int blockCount, PrefixIndex index) {
        this.index = index;
        references = new int[blockCount];
        next = new int[blockCount + 1];
        previous = new int[blockCount + 1];
        owners = new TenantAccount[blockCount];
        head = blockCount;
        next[head] = head;
        previous[head] = head;
        for (int block = 0; block < blockCount; block++) linkBefore(head, block);
    }

    /// Takes a free block for new contents, with one reference, of those that `freeFor` counts. There must
    /// be one.
    ///
    /// @param tenant for whom, and who may take which
    /// @param owner whose block it becomes; null for what several tenants share
    int allocate(TenantAccount tenant, @Nullable TenantAccount owner) {
        Invariant.check(freeFor(tenant) > 0, "no free block: the scheduler must ask first");
        int block = next[head];
        while (isProtectedFrom(block, tenant)) {
            // As if it had been used just now, so that the next search does not meet it again.
            unlink(block);
            linkBefore(head, block);
            block = next[head];
        }
        return take(block, owner);
    }

    /// The same, of all free blocks.
    int allocateAny(@Nullable TenantAccount owner) {
        Invariant.check(freeCount > 0, "no free block: the scheduler must ask first");
        return take(next[head], owner);
    }

    int take(int block, @Nullable TenantAccount owner) {
        unlink(block);
        if (index.contains(block)) {
            cachedCount--;
            addCached(owners[block], -1);
            forget(block);
        }
        references[block] = 1;
        owners[block] = owner;
        addUsed(owner, 1);
        return block;
    }

    private boolean isProtectedFrom(int block, TenantAccount tenant) {
        TenantAccount owner = owners[block];
        return owner != null && owner != tenant && index.contains(block) && !owner.hasUnprotected();
    }

    private void addUsed(@Nullable TenantAccount owner, int change) {
        if (owner == null) return;
        protectedCount -= owner.protectedCount();
        owner.addUsed(change);
        protectedCount += owner.protectedCount();
    }

    private void addCached(@Nullable TenantAccount owner, int change) {
        if (owner == null) return;
        protectedCount -= owner.protectedCount();
        owner.addCached(change);
        protectedCount += owner.protectedCount();
    }

    /// Takes over the tenant's latest terms.
    void adopt(TenantAccount tenant) {
        protectedCount -= tenant.protectedCount();
        tenant.adopt(references.length);
        protectedCount += tenant.protectedCount();
    }

    /// Adds a reference to a block whose contents are shared from now on; it may have been free.
    void retain(int block) {
        if (references[block] == 0) {
            Invariant.check(index.contains(block), "a free block is retained only for the prefix it holds");
            unlink(block);
            cachedCount--;
            addCached(owners[block], -1);
            addUsed(owners[block], 1);
        }
        references[block]++;
    }

    /// Drops a reference; the last one frees the block.
    void release(int block) {
        Invariant.check(references[block] > 0, "a block was released more often than retained");
        references[block]--;
        if (references[block] > 0) return;
        addUsed(owners[block], -1);
        if (index.contains(block)) {
            cachedCount++;
            addCached(owners[block], 1);
            linkBefore(head, block);
        } else {
            owners[block] = null;
            linkBefore(next[head], block);
        }
    }

    /// Makes the index forget what `block` held, because its contents are about to be replaced.
    void forget(int block) {
        index.forget(block);
    }

    int freeCount() {
        return freeCount;
    }

    /// Free blocks that a tenant may take.
    int freeFor(TenantAccount tenant) {
        return freeCount - (protectedCount - tenant.protectedCount());
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

    /// Full check, for tests and idle moments: free and referenced blocks are all blocks, and the reference
    /// counts are those that the tables add up to.
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
        checkOwners();
        index.checkInvariants();
    }

    private void checkOwners() {
        var used = new IdentityHashMap<TenantAccount, Integer>();
        var cached = new IdentityHashMap<TenantAccount, Integer>();
        for (int block = 0; block < references.length; block++) {
            TenantAccount owner = owners[block];
            if (owner == null) continue;
            boolean isUsed = references[block] > 0;
            used.merge(owner, isUsed ? 1 : 0, Integer::sum);
            cached.merge(owner, isUsed ? 0 : 1, Integer::sum);
            Invariant.check(
                    references[block] > 0 || index.contains(block), "a free block without contents has an owner");
        }
        int sum = 0;
        for (TenantAccount owner : used.keySet()) {
            Invariant.check(owner.usedCount() == used.getOrDefault(owner, 0), "a tenant's count of used blocks");
            Invariant.check(owner.cachedCount() == cached.getOrDefault(owner, 0), "a tenant's count of cached blocks");
            sum += owner.protectedCount();
        }
        Invariant.check(sum == protectedCount, "the count of protected blocks is wrong");
    }
}

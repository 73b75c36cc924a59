package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Gives sequences their blocks and takes them back: shared ones first (cached prefixes, a sibling's
/// prompt), new ones for the rest. Hot path: no allocation. Engine thread only.
///
/// Only full blocks are shared, so a block with several references is never written again.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class BlockAllocator {
    private final int blockSize;
    private final boolean prefixCaching;
    private final BlockPool pool;
    private final PrefixIndex index;

    BlockAllocator(int blockSize, boolean prefixCaching, BlockPool pool, PrefixIndex index) {
        this.blockSize = blockSize;
        this.prefixCaching = prefixCaching;
        this.pool = pool;
        this.index = index;
    }

    /// Gives a sequence without blocks those that already hold the beginning of its tokens.
    ///
    /// @param sibling another choice of the request whose prompt is computed, or null
    /// @return tokens that need not be computed
    int reuse(Sequence sequence, @Nullable Sequence sibling) {
        Invariant.check(sequence.table().count() == 0, "a sequence that starts owns no blocks yet");
        int blocksMax = reusableMax(sequence);
        if (prefixCaching) reuseCached(sequence, blocksMax);
        if (sibling != null) reuseSibling(sequence, sibling, Math.min(blocksMax, sharedBlocks(sibling)));
        return sequence.table().count() * blockSize;
    }

    /// The last token is always computed, because its logits are needed: at least one token is left over. A prompt that
    /// is reported on is computed whole: what others have computed says nothing of its positions.
    int reusableMax(Sequence sequence) {
        if (sequence.isReporting()) return 0;
        return (sequence.tokenCount() - 1) / blockSize;
    }

    /// Blocks of a computed prompt that other choices may share: the full ones.
    int sharedBlocks(Sequence sibling) {
        return sibling.promptLength() / blockSize;
    }

    private void reuseCached(Sequence sequence, int blocksMax) {
        BlockTable table = sequence.table();
        while (table.count() < blocksMax) {
            int block = index.follow(sequence.chain(), sequence.tokens());
            if (block == BlockPool.NO_BLOCK) return;
            pool.retain(block);
            table.append(block);
        }
    }

    private void reuseSibling(Sequence sequence, Sequence sibling, int blocksMax) {
        BlockTable table = sequence.table();
        while (table.count() < blocksMax) {
            int block = sibling.table().block(table.count());
            pool.retain(block);
            table.append(block);
        }
    }

    /// Tokens after the computed ones that the sequence's blocks have room for, and those that it may take.
    long room(Sequence sequence) {
        return ((long) sequence.table().count() + available(sequence)) * blockSize - sequence.computed();
    }

    /// Tokens after the computed ones that the sequence's blocks have room for, and those that its tenant may
    /// take like any other: what may turn out to be for nothing breaks nobody's floor.
    long spareRoom(Sequence sequence) {
        TenantAccount tenant = sequence.flow().account();
        int spare = Math.max(0, Math.min(pool.freeFor(tenant), tenant.belowCeiling()));
        return ((long) sequence.table().count() + spare) * blockSize - sequence.computed();
    }

    /// Blocks that the sequence may take now. Whoever comes first of all may take any, so that there is
    /// always one that gets on, whatever the tenants' floors and ceilings are.
    int available(Sequence sequence) {
        if (sequence.isPrivileged()) return pool.freeCount();
        TenantAccount tenant = sequence.flow().account();
        return Math.max(0, Math.min(pool.freeFor(tenant), tenant.belowCeiling()));
    }

    /// Blocks the sequence still lacks for the tokens it has now.
    int missing(Sequence sequence) {
        return Math.max(
                0,
                Math.ceilDiv(sequence.tokenCount(), blockSize)
                        - sequence.table().count());
    }

    /// Makes the sequence's table cover positions `[0, end)`. There must be room.
    void cover(Sequence sequence, int end) {
        BlockTable table = sequence.table();
        while ((long) table.count() * blockSize < end) table.append(allocate(sequence, table.count()));
    }

    /// Makes the sequence's table as long as its tokens have room for. Not in the steps that follow.
    void makeRoom(Sequence sequence) {
        sequence.table().reserve(Math.ceilDiv(sequence.tokens().length, blockSize));
    }

    /// Gives back what `cover` took beyond positions `[0, end)`, which nothing is in that is of use.
    void uncover(Sequence sequence, int end) {
        BlockTable table = sequence.table();
        while ((long) (table.count() - 1) * blockSize >= end) pool.release(table.removeLast());
    }

    /// True if `cover` can make the table reach position `end`, exclusive.
    boolean canCover(Sequence sequence, int end) {
        return Math.ceilDiv(end, blockSize) - sequence.table().count() <= available(sequence);
    }

    private int allocate(Sequence sequence, int index) {
        TenantAccount tenant = sequence.flow().account();
        TenantAccount owner = isShared(sequence, index) ? null : tenant;
        // A floor is broken only where nothing else is left for whoever must get on.
        boolean breaksFloors = sequence.isPrivileged() && pool.freeFor(tenant) <= 0;
        return breaksFloors ? pool.allocateAny(owner) : pool.allocate(tenant, owner);
    }

    /// True if the block belongs to a prefix that several tenants share, and so to none of them.
    private boolean isShared(Sequence sequence, int index) {
        return (index + 1) * blockSize <= sequence.request().prefixScope().sharedTokens();
    }

    /// Takes over a tenant's latest terms.
    void adopt(TenantAccount tenant) {
        pool.adopt(tenant);
    }

    /// Makes the blocks that computed tokens have filled findable for others.
    void offer(Sequence sequence) {
        if (!prefixCaching) return;
        PrefixChain chain = sequence.chain();
        while ((chain.length() + 1) * blockSize <= offerable(sequence)) {
            if (index.isLive(chain)) {
                index.offer(chain, sequence.tokens(), sequence.table().block(chain.length()));
            } else {
                // An equal block of another sequence was the known one and is gone: offer our own from the
                // start.
                chain.reset();
            }
        }
    }

    /// The tokens whose keys and values are certainly in the cache.
    int offerable(Sequence sequence) {
        return sequence.computed();
    }

    /// Makes the index forget the sequence's blocks: what they hold produced no finite logits.
    void distrust(Sequence sequence) {
        BlockTable table = sequence.table();
        for (int i = 0; i < table.count(); i++) {
            if (index.contains(table.block(i))) pool.forget(table.block(i));
        }
    }

    /// Takes all blocks back. Tail first, so that a shared prefix outlives its continuations.
    void release(Sequence sequence) {
        BlockTable table = sequence.table();
        while (table.count() > 0) pool.release(table.removeLast());
    }

    /// How often sequences refer to a block, for audits.
    int references(int block) {
        return pool.references(block);
    }

    /// Free blocks that the sequence's tenant may take.
    int freeFor(Sequence sequence) {
        return pool.freeFor(sequence.flow().account());
    }

    /// Of the sequence's blocks, those that others use too.
    int sharedCount(Sequence sequence) {
        int shared = 0;
        BlockTable table = sequence.table();
        while (shared < table.count() && pool.references(table.block(shared)) > 1) shared++;
        return shared;
    }

    int freeCount() {
        return pool.freeCount();
    }

    int cachedCount() {
        return pool.cachedCount();
    }

    int blockCount() {
        return pool.blockCount();
    }

    /// Full check, for tests and idle moments.
    ///
    /// @param held [block], how many tables hold each block
    void checkInvariants(int[] held) {
        pool.checkInvariants(held);
    }

    /// Blocks that running sequences whose readers keep up will take for tokens they have already.
    int promised(SequenceList running) {
        int promised = 0;
        for (int i = 0; i < running.size(); i++) {
            if (!running.get(i).isPaused()) promised += missing(running.get(i));
        }
        return promised;
    }
}

package io.sluice.batching;

/// What the engine keeps of one tenant: its latest terms, and how many KV blocks are its. Engine thread only,
/// unless said otherwise.
final class TenantAccount {
    private volatile Tenant terms;
    private int usedCount; // blocks computed for it that sequences use
    private int cachedCount; // free blocks that hold prefixes computed for it
    private int reservedCount; // blocks that its running sequences are expected to hold at their longest
    private int floorCount;
    private int ceilingCount;

    TenantAccount(Tenant terms, int blockCount) {
        this.terms = terms;
        adopt(blockCount);
    }

    String name() {
        return terms.name();
    }

    /// Any thread.
    Tenant terms() {
        return terms;
    }

    /// The policy may have changed since the last request. Any thread; `adopt` is due after it.
    void setTerms(Tenant latest) {
        if (!latest.equals(terms)) terms = latest;
    }

    /// Takes the latest terms as parts of `blockCount` blocks.
    final void adopt(int blockCount) {
        Tenant latest = terms;
        floorCount = (int) (latest.kvFloor() * blockCount);
        ceilingCount = ceiling(latest, blockCount);
    }

    /// The most blocks that a tenant's running sequences may hold. Any thread.
    static int ceiling(Tenant tenant, int blockCount) {
        return Math.max(1, (int) (tenant.kvCeiling() * blockCount));
    }

    /// Cached blocks that no other tenant may take: up to the floor, as far as it is not used up by running
    /// sequences.
    int protectedCount() {
        return Math.min(cachedCount, Math.max(0, floorCount - usedCount));
    }

    /// True if some of its cached blocks may be taken by others.
    boolean hasUnprotected() {
        return cachedCount > protectedCount();
    }

    /// Blocks that its running sequences may still take.
    int belowCeiling() {
        return ceilingCount - usedCount;
    }

    /// True if its running sequences may be expected to hold `blocks` more. A ceiling adds up what each may need
    /// at its longest; a tenant without one is bounded by what all of them need at once.
    boolean mayReserve(int blocks) {
        return terms.kvCeiling() == 1 || reservedCount + blocks <= ceilingCount;
    }

    void reserve(int blocks) {
        reservedCount += blocks;
    }

    void addUsed(int blocks) {
        usedCount += blocks;
    }

    void addCached(int blocks) {
        cachedCount += blocks;
    }

    /// All of it, for whoever asks. Any thread: what it reads moves while it reads.
    TenantBlocks blocks() {
        return new TenantBlocks(usedCount, cachedCount, floorCount, ceilingCount);
    }

    int usedCount() {
        return usedCount;
    }

    int cachedCount() {
        return cachedCount;
    }

    int reservedCount() {
        return reservedCount;
    }
}

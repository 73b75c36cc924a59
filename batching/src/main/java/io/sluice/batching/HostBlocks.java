package io.sluice.batching;

/// The blocks in host memory that parked sequences live in. Hot path: no allocation. Engine thread only.
///
/// A block that a plan reads may be written by the next plan, not by the same one: all copies out are planned
/// before any copy in.
final class HostBlocks {
    private final int[] free; // [0, freeCount), a stack
    private int freeCount;

    HostBlocks(int blockCount) {
        free = new int[blockCount];
        for (int block = 0; block < blockCount; block++) free[block] = blockCount - 1 - block;
        freeCount = blockCount;
    }

    int freeCount() {
        return freeCount;
    }

    int usedCount() {
        return free.length - freeCount;
    }

    int blockCount() {
        return free.length;
    }

    /// Plans a sequence's blocks to be copied out; its table is still the device's. There must be room.
    void copyOut(Sequence sequence, StepPlan plan) {
        BlockTable table = sequence.table();
        Invariant.check(table.count() <= freeCount, "no host block: the scheduler must ask first");
        Invariant.check(plan.copiesInCount() == 0, "a copy out is planned after a copy in");
        for (int i = 0; i < table.count(); i++) {
            int host = free[--freeCount];
            sequence.hostTable().append(host);
            plan.copyOut(table.block(i), host);
        }
    }

    /// Plans the blocks from `first` on to be copied into the sequence's table, and takes all of its host
    /// blocks back.
    void copyIn(Sequence sequence, int first, StepPlan plan) {
        BlockTable host = sequence.hostTable();
        for (int i = first; i < host.count(); i++)
            plan.copyIn(host.block(i), sequence.table().block(i));
        release(sequence);
    }

    /// Takes all host blocks of a sequence back.
    void release(Sequence sequence) {
        while (sequence.hostTable().count() > 0)
            free[freeCount++] = sequence.hostTable().removeLast();
    }

    /// Full check, for tests and idle moments.
    ///
    /// @param held blocks that parked sequences hold
    void checkInvariants(int held) {
        Invariant.check(held + freeCount == free.length, "a host block is neither free nor in use");
    }
}

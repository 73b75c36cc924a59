package io.sluice.batching;

import java.util.Arrays;

/// Looks whether blocks and sequences agree: now and then for blocks that were lost, which is cheap, and in
/// idle moments and tests for everything that must always hold. Engine thread only.
final class BlockAudit {

    /// Steps between two searches for lost blocks: often enough to see a leak grow, seldom enough to cost
    /// nothing.
    static final int STEPS_BETWEEN = 1024;

    private static final System.Logger LOG = System.getLogger(BlockAudit.class.getName());

    private final ModelLimits limits;
    private final BlockAllocator blocks;
    private final HostBlocks host;
    private final int[] held; // [block]
    private int leaked;

    BlockAudit(ModelLimits limits, BlockAllocator blocks, HostBlocks host) {
        this.limits = limits;
        this.blocks = blocks;
        this.host = host;
        held = new int[limits.blockCount()];
    }

    /// Counts the blocks that are in use but belong to no running sequence.
    void countLeaked(SequenceList running) {
        countHeld(running);
        int found = 0;
        for (int block = 0; block < held.length; block++) {
            if (blocks.references(block) > held[block]) found++;
        }
        if (found > leaked) {
            LOG.log(System.Logger.Level.ERROR, "{0} KV blocks are in use, but belong to no sequence", found);
        }
        leaked = found;
    }

    private void countHeld(SequenceList running) {
        Arrays.fill(held, 0);
        for (int i = 0; i < running.size(); i++) {
            BlockTable table = running.get(i).table();
            for (int b = 0; b < table.count(); b++) held[table.block(b)]++;
        }
    }

    /// What the latest search found.
    int leaked() {
        return leaked;
    }

    /// Full check.
    ///
    /// @param waiting all sequences that do not run
    void check(SequenceList running, SequenceList waiting) {
        countHeld(running);
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            Invariant.check(sequence.status() == Sequence.Status.RUNNING, "a running sequence's status");
            Invariant.check(sequence.uncomputed() > 0, "a running sequence has nothing left to compute");
            int covered = sequence.computed() + sequence.ahead();
            Invariant.check(sequence.table().count() == limits.blocksFor(covered), "a table's length");
            Invariant.check(sequence.hostTable().count() == 0, "a running sequence holds host blocks");
            Invariant.check(i == 0 || running.get(i - 1).precedence() < sequence.precedence(), "the order of running");
        }
        int hostHeld = 0;
        for (int i = 0; i < waiting.size(); i++) {
            Sequence sequence = waiting.get(i);
            boolean parked = sequence.status() == Sequence.Status.PARKED;
            Invariant.check(parked || sequence.status() == Sequence.Status.WAITING, "a waiting sequence's status");
            Invariant.check(sequence.table().count() == 0, "a waiting sequence owns blocks");
            Invariant.check(sequence.reservedBlocks() == 0, "a waiting sequence reserves blocks");
            Invariant.check(parked || sequence.computed() == 0, "a waiting sequence has computed tokens");
            int expected = parked ? limits.blocksFor(sequence.computed()) : 0;
            Invariant.check(sequence.hostTable().count() == expected, "a waiting sequence's host blocks");
            Invariant.check(i == 0 || waiting.get(i - 1).order() < sequence.order(), "the order of waiting");
            hostHeld += sequence.hostTable().count();
        }
        host.checkInvariants(hostHeld);
        blocks.checkInvariants(held);
    }
}

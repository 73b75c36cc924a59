package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.sluice.batching.StepPlan;
import java.lang.foreign.MemorySegment;

/// Decides how a step's attention is split among a device's multiprocessors: which tiles of query tokens one block of
/// threads computes from end to end, and whose keys several blocks share. How it is split never changes a result. Hot
/// path, no allocation. Engine thread only.
///
/// A tile is as many query tokens as make 16 rows with the heads of a group. Where tiles are fewer than would keep the
/// device busy, the longest are cut: a tile of `p` partitions of keys becomes `p` items and one to merge them.
final class AttentionPlan {

    /// Ints of `attention_item` and of `merge_item`.
    static final int ITEM_INTS = 8;

    private final int tileTokens;
    private final int partitionKeys;
    private final int kvHeadCount;
    private final int blocksWanted;
    private final int partialsMax;

    private int itemCount;
    private int mergeCount;
    private int partialCount;

    /// @param blocksWanted blocks of threads that keep the device busy
    /// @param partialsMax room for partial results
    AttentionPlan(CudaKv kv, int blocksWanted, int partialsMax) {
        tileTokens = kv.layout().tileTokens();
        partitionKeys = kv.partitionKeys();
        kvHeadCount = kv.layout().kvHeadCount();
        this.blocksWanted = blocksWanted;
        this.partialsMax = partialsMax;
    }

    /// The most items of a step: each tile is one, but for those that were cut.
    static int itemsMax(int stepTokensMax, int partialsMax) {
        return stepTokensMax + partialsMax;
    }

    /// Items that a launch has blocks for, whatever the step: blocks go on to further ones. Twice what the device holds
    /// at once, so that blocks with little to do make room.
    int launchedItems() {
        return Math.ceilDiv(2 * blocksWanted, kvHeadCount);
    }

    /// Writes the plan's items and merges.
    ///
    /// @param items int `[itemsMax, ITEM_INTS]`
    /// @param merges int `[stepTokensMax, ITEM_INTS]`
    void fill(StepPlan plan, MemorySegment items, MemorySegment merges) {
        itemCount = 0;
        mergeCount = 0;
        partialCount = 0;
        int tiles = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) tiles += Math.ceilDiv(plan.length(slice), tileTokens);
        boolean cuts = (long) tiles * kvHeadCount < blocksWanted;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int length = plan.length(slice);
            for (int token = 0; token < length; token += tileTokens) {
                int tokens = Math.min(tileTokens, length - token);
                int partitions = Math.ceilDiv(plan.firstPosition(slice) + token + tokens, partitionKeys);
                boolean cut = cuts && partitions > 1 && partialCount + partitions <= partialsMax;
                if (cut) cut(slice, token, tokens, partitions, items, merges);
                else put(items, itemCount++, slice, token, tokens, 0, partitions, -1);
            }
        }
    }

    private void cut(int slice, int token, int tokens, int partitions, MemorySegment items, MemorySegment merges) {
        put(merges, mergeCount++, slice, token, tokens, partialCount, partitions, 0);
        for (int partition = 0; partition < partitions; partition++) {
            put(items, itemCount++, slice, token, tokens, partition, partition + 1, partialCount++);
        }
    }

    private static void put(MemorySegment to, int index, int a, int b, int c, int d, int e, int f) {
        long at = (long) index * ITEM_INTS;
        to.setAtIndex(JAVA_INT, at, a);
        to.setAtIndex(JAVA_INT, at + 1, b);
        to.setAtIndex(JAVA_INT, at + 2, c);
        to.setAtIndex(JAVA_INT, at + 3, d);
        to.setAtIndex(JAVA_INT, at + 4, e);
        to.setAtIndex(JAVA_INT, at + 5, f);
    }

    int itemCount() {
        return itemCount;
    }

    int mergeCount() {
        return mergeCount;
    }

    int partialCount() {
        return partialCount;
    }
}

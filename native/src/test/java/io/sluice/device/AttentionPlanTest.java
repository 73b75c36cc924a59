package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// How attention is split up, whatever the step: every query token meets every partition of its keys exactly once.
class AttentionPlanTest {
    private static final long SEED = 3;
    private static final ModelLimits LIMITS = new ModelLimits(4096, 16, 4096, 1024, 32, 1, 0);
    private static final int PARTITION = 128;

    private final Random random = new Random(SEED);
    private final StepPlan plan = new StepPlan(LIMITS);

    @Test
    void everyTokenMeetsEveryPartitionOnceAndEveryPartialIsMergedOnce() {
        try (Arena arena = Arena.ofConfined()) {
            CudaKv kv = CudaKv.describe(arena, new KvLayout(Dtype.BFLOAT16, 8, 2, 64, 16));
            for (int trial = 0; trial < 60; trial++) {
                int partialsMax = random.nextInt(200);
                AttentionPlan split = new AttentionPlan(kv, random.nextInt(400), partialsMax);
                int itemsMax = AttentionPlan.itemsMax(LIMITS.stepTokensMax(), partialsMax);
                MemorySegment items = arena.allocate(JAVA_INT, (long) itemsMax * AttentionPlan.ITEM_INTS);
                MemorySegment merges =
                        arena.allocate(JAVA_INT, (long) LIMITS.stepTokensMax() * AttentionPlan.ITEM_INTS);
                randomPlan();
                split.fill(plan, items, merges);
                check(split, items, merges, partialsMax, "seed %d, trial %d".formatted(SEED, trial));
            }
        }
    }

    private void randomPlan() {
        plan.clear();
        int slices = 1 + random.nextInt(32);
        for (int i = 0; i < slices; i++) {
            int length = random.nextBoolean() ? 1 : 1 + random.nextInt(30);
            int first = random.nextInt(4096 - length);
            plan.add(new int[4096], first, length, new int[256], 256);
        }
    }

    private void check(AttentionPlan split, MemorySegment items, MemorySegment merges, int partialsMax, String what) {
        assertThat(split.partialCount()).as(what).isLessThanOrEqualTo(partialsMax);
        assertThat(2 * split.mergeCount()).as(what).isLessThanOrEqualTo(split.partialCount());
        BitSet partials = new BitSet();
        int[][] met = new int[plan.tokenCount()][4096 / PARTITION]; // times
        for (int i = 0; i < split.itemCount(); i++) {
            int[] item = read(items, i);
            if (item[5] >= 0) {
                assertThat(item[4]).as(what).isEqualTo(item[3] + 1);
                assertThat(partials.get(item[5])).as(what).isFalse();
                partials.set(item[5]);
            }
            int first = plan.tokenStart(item[0]) + item[1];
            for (int token = first; token < first + item[2]; token++) {
                for (int p = item[3]; p < item[4]; p++) met[token][p]++;
            }
        }
        for (int i = 0; i < split.mergeCount(); i++) {
            int[] merge = read(merges, i);
            assertThat(partials.get(merge[3], merge[3] + merge[4]).cardinality())
                    .as(what)
                    .isEqualTo(merge[4]);
            partials.clear(merge[3], merge[3] + merge[4]);
        }
        assertThat(partials.isEmpty()).as(what).isTrue();
        int[][] expected = new int[plan.tokenCount()][4096 / PARTITION];
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            for (int token = 0; token < plan.length(slice); token++) {
                int partitions = Math.ceilDiv(plan.firstPosition(slice) + token + 1, PARTITION);
                Arrays.fill(expected[plan.tokenStart(slice) + token], 0, partitions, 1);
            }
        }
        // The first token of a tile also meets, masked, the partitions of the tile's last one.
        for (int token = 0; token < met.length; token++) {
            for (int p = 0; p < met[token].length; p++) {
                if (met[token][p] < expected[token][p] || met[token][p] > 1) fail(what);
            }
        }
    }

    @Test
    void aDeviceThatIsBusyAnywayGetsWholeTiles() {
        try (Arena arena = Arena.ofConfined()) {
            CudaKv kv = CudaKv.describe(arena, new KvLayout(Dtype.BFLOAT16, 8, 2, 64, 16));
            AttentionPlan split = new AttentionPlan(kv, 64, 1000);
            MemorySegment items = arena.allocate(JAVA_INT, 1100L * AttentionPlan.ITEM_INTS);
            for (int slice = 0; slice < 32; slice++) plan.add(new int[4096], 4000, 1, new int[256], 256);
            split.fill(plan, items, items);
            assertThat(split.itemCount()).isEqualTo(32);
            assertThat(split.mergeCount()).isZero();
        }
    }

    private static int[] read(MemorySegment records, int index) {
        int[] numbers = new int[AttentionPlan.ITEM_INTS];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = records.getAtIndex(JAVA_INT, (long) index * AttentionPlan.ITEM_INTS + i);
        }
        return numbers;
    }
}

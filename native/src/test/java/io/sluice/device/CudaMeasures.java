package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.device.Kernels.Rows;
import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;

/// Measures the kernels that a decode step waits for as shares of what the device reads in the same run:
/// `CudaMeasures <library>`. Medians of several runs, each over memory larger than any cache. Not yet run
/// on a GPU.
final class CudaMeasures {
    private static final int RUNS = 15;

    private final CudaBench bench;
    private final boolean emulated;

    private CudaMeasures(CudaLibrary library) {
        bench = new CudaBench(library);
        emulated = library.isEmulated();
    }

    public static void main(String[] arguments) throws CudaLibrary.Unavailable {
        CudaMeasures measures =
                new CudaMeasures(CudaLibrary.load(Path.of(arguments[0]).toAbsolutePath()));
        System.out.println(measures.bench.device.facts());
        if (measures.emulated) System.out.println("EMULATED: small shapes, times mean nothing");
        double readBytesPerMs = new CudaCeilings(measures.bench).readBytesPerMs();
        System.out.printf("reads %.0f GB/s%n", readBytesPerMs / 1e6);
        for (int rows : new int[] {1, 4, 16}) measures.product(rows, Format.BFLOAT16, readBytesPerMs);
        measures.product(1, Format.INT8, readBytesPerMs);
        measures.product(1, Format.INT4, readBytesPerMs);
        measures.attention("32 x 8192 positions", alike(32, 8192), 92, readBytesPerMs);
        measures.attention("1 x 8192 positions", alike(1, 8192), 0, readBytesPerMs);
        measures.attention("32 of 32768 down to 128 positions", skewed(32, 32_768, 128), 80, readBytesPerMs);
        measures.bench.close();
    }

    private static int[] alike(int count, int length) {
        int[] lengths = new int[count];
        Arrays.fill(lengths, length);
        return lengths;
    }

    /// The second half as long as the first, the third a third of it, and so on.
    private static int[] skewed(int count, int most, int least) {
        int[] lengths = new int[count];
        for (int i = 0; i < count; i++) lengths[i] = Math.max(least, most / (i + 1));
        return lengths;
    }

    /// A product of Llama-3.1-8B's gate and up matrices, over several copies of it in turn.
    private void product(int rows, Format format, double readBytesPerMs) {
        int n = emulated ? 64 : 28_672;
        int k = emulated ? 64 : 4096;
        CudaMatrix[] matrices = new CudaMatrix[4];
        long bytes = CudaMatrix.numberBytes(n, k, format) + CudaMatrix.scaleBytes(n, k, format);
        for (int i = 0; i < matrices.length; i++) {
            long numbers = zeroed(CudaMatrix.numberBytes(n, k, format));
            long scales = zeroed(Math.max(256, CudaMatrix.scaleBytes(n, k, format)));
            matrices[i] = CudaMatrix.describe(bench.host, numbers, scales, n, k, format);
        }
        Format inputs = format == Format.BFLOAT16 ? Format.BFLOAT16 : Format.INT8;
        int stride = inputs == Format.INT8 ? k / Format.BLOCK : k;
        Rows x = new Rows(zeroed((long) rows * stride * inputs.unitBytes()), stride, inputs);
        Rows y = bench.emptyRows(rows, n, Format.FLOAT32);
        double ms = median(
                run -> bench.kernels.multiplyFew(x, matrices[Math.floorMod(run, matrices.length)], y, rows, false));
        System.out.printf(
                "product of %d rows by %s %d x %d: %.4f ms, %.0f GB/s, %.0f %% of what the device reads%n",
                rows, format, n, k, ms, bytes / ms / 1e6, 100 * bytes / ms / readBytesPerMs);
    }

    /// A decode step's attention in one layer of Llama-3.1-8B's shape, keys and values of all sequences
    /// read once.
    ///
    /// @param goalPercent of what the device reads; 0 for none
    private void attention(String name, int[] lengthsOnGpu, int goalPercent, double readBytesPerMs) {
        int[] lengths = emulated ? new int[] {300, 40} : lengthsOnGpu;
        int count = lengths.length;
        int longest = Arrays.stream(lengths).max().orElseThrow();
        KvLayout layout = new KvLayout(Dtype.BFLOAT16, 32, 8, 128, 16);
        CudaKv kv = CudaKv.describe(bench.host, layout);
        int tableBlocks = Math.ceilDiv(longest, 16);
        int blockCount =
                Arrays.stream(lengths).map(length -> Math.ceilDiv(length, 16)).sum();
        int layers = 4; // as many caches in turn
        long layerBytes = layout.blockBytes() * blockCount;
        long cache = zeroed(layerBytes * layers);
        StepPlan plan = new StepPlan(new ModelLimits(blockCount, 16, longest, count, count, 1, 0));
        MemorySegment tables = bench.host.allocate(JAVA_INT, (long) tableBlocks * count);
        int[] starts = new int[count + 1];
        int[] firsts = new int[count];
        int block = 0;
        for (int s = 0; s < count; s++) {
            int[] table = new int[Math.ceilDiv(lengths[s], 16)];
            for (int b = 0; b < table.length; b++) table[b] = block++;
            MemorySegment.copy(table, 0, tables, JAVA_INT, 4L * s * tableBlocks, table.length);
            plan.add(new int[lengths[s]], lengths[s] - 1, 1, table, table.length);
            starts[s + 1] = s + 1;
            firsts[s] = lengths[s] - 1;
        }
        int wanted = 2 * bench.device.facts().multiprocessors();
        int partialsMax = 2 * wanted;
        AttentionPlan split = new AttentionPlan(kv, wanted, partialsMax);
        int itemsMax = AttentionPlan.itemsMax(count, partialsMax);
        MemorySegment items = bench.host.allocate(JAVA_INT, (long) itemsMax * AttentionPlan.ITEM_INTS);
        MemorySegment merges = bench.host.allocate(JAVA_INT, (long) count * AttentionPlan.ITEM_INTS);
        split.fill(plan, items, merges);
        CudaKv.Slices slices =
                new CudaKv.Slices(bench.put(tables), tableBlocks, bench.ints(starts), bench.ints(firsts), count);
        CudaKv.Work work = new CudaKv.Work(
                bench.put(items),
                bench.ints(split.itemCount()),
                itemsMax,
                bench.put(merges),
                bench.ints(split.mergeCount()),
                count,
                bench.room(kv.partialBytes() * partialsMax));
        Rows q = new Rows(zeroed(count * 6144L * 4), 6144, Format.FLOAT32);
        Rows to = bench.emptyRows(count, 4096, Format.BFLOAT16);
        double ms = median(run -> {
            bench.kernels.attention(q, cache + Math.floorMod(run, layers) * layerBytes, kv, slices, work, to);
            bench.kernels.merge(kv, slices, work, to);
        });
        double percent = 100 * layerBytes / ms / readBytesPerMs;
        System.out.printf(
                "attention of %s: %.4f ms, %.0f GB/s, %.0f %% of what the device reads (%d items, %d merges)%s%n",
                name,
                ms,
                layerBytes / ms / 1e6,
                percent,
                split.itemCount(),
                split.mergeCount(),
                goalPercent == 0 ? "" : " (goal: " + goalPercent + " %)" + (percent >= goalPercent ? "" : "  MISSED"));
    }

    private long zeroed(long bytes) {
        long address = bench.room(bytes);
        bench.device.fill(address, 0, bytes);
        return address;
    }

    private double median(CudaStopwatch.Work work) {
        try (CudaStopwatch stopwatch = new CudaStopwatch(bench.device, RUNS)) {
            return stopwatch.median(work);
        }
    }
}

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.device.Kernels.Rows;
import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Arrays;

/// Measures the kernels that a decode step waits for as shares of what the device copies in the same run, counting
/// bytes
/// read and written: `CudaMeasures <library>`. Medians of several runs, each over memory larger than any cache. Not yet
/// run on a GPU.
final class CudaMeasures {
    private static final int RUNS = 15;

    private final CudaBench bench;
    private final MethodHandle record;
    private final MethodHandle elapsed;
    private final MethodHandle openEvent;
    private final MemorySegment out;
    private final boolean emulated;

    private CudaMeasures(CudaLibrary library) {
        bench = new CudaBench(library);
        emulated = library.isEmulated();
        record = library.bind("sluice_cuda_event_record", JAVA_LONG, JAVA_LONG);
        elapsed = library.bind("sluice_cuda_event_elapsed", JAVA_LONG, JAVA_LONG, JAVA_LONG);
        openEvent = library.bind("sluice_cuda_event_open", JAVA_LONG);
        out = bench.host.allocate(JAVA_LONG, 2);
    }

    public static void main(String[] arguments) throws CudaLibrary.Unavailable {
        CudaMeasures measures =
                new CudaMeasures(CudaLibrary.load(Path.of(arguments[0]).toAbsolutePath()));
        System.out.println(measures.bench.device.facts());
        if (measures.emulated) System.out.println("EMULATED: small shapes, times mean nothing");
        double copyBytesPerMs = measures.copy();
        for (int rows : new int[] {1, 4, 16}) measures.product(rows, Format.BFLOAT16, copyBytesPerMs);
        measures.product(1, Format.INT8, copyBytesPerMs);
        measures.product(1, Format.INT4, copyBytesPerMs);
        measures.attention(32, 8192, copyBytesPerMs);
        measures.attention(1, 8192, copyBytesPerMs);
        measures.bench.close();
    }

    private double copy() {
        long bytes = emulated ? 1 << 20 : 2L << 30;
        long from = bench.room(bytes);
        long to = bench.room(bytes);
        double ms = median(run -> bench.device.copy(to, from, bytes));
        System.out.printf("copy of %s: %.3f ms, %.0f GB/s%n", DeviceMemory.binary(bytes), ms, 2 * bytes / ms / 1e6);
        return 2 * bytes / ms;
    }

    /// A product of Llama-3.1-8B's gate and up matrices, over several copies of it in turn.
    private void product(int rows, Format format, double copyBytesPerMs) {
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
        double ms = median(run -> bench.kernels.multiplyFew(x, matrices[run % matrices.length], y, rows, false));
        System.out.printf(
                "product of %d rows by %s %d x %d: %.4f ms, %.0f GB/s, %.0f %% of a copy%n",
                rows, format, n, k, ms, bytes / ms / 1e6, 100 * bytes / ms / copyBytesPerMs);
    }

    /// A decode step's attention in one layer of Llama-3.1-8B's shape, keys and values of all sequences read once.
    private void attention(int sequences, int positions, double copyBytesPerMs) {
        int length = emulated ? 300 : positions;
        int count = emulated ? Math.min(2, sequences) : sequences;
        KvLayout layout = new KvLayout(Dtype.BFLOAT16, 32, 8, 128, 16);
        CudaKv kv = CudaKv.describe(bench.host, layout);
        int tableBlocks = Math.ceilDiv(length, 16);
        int layers = 4; // as many caches in turn
        long layerBytes = layout.blockBytes() * tableBlocks * count;
        long cache = zeroed(layerBytes * layers);
        StepPlan plan = new StepPlan(new ModelLimits(tableBlocks * count, 16, length, count, count, 1, 0));
        int[] table = new int[tableBlocks];
        MemorySegment tables = bench.host.allocate(JAVA_INT, (long) tableBlocks * count);
        int[] starts = new int[count + 1];
        int[] firsts = new int[count];
        for (int s = 0; s < count; s++) {
            for (int b = 0; b < tableBlocks; b++) table[b] = s * tableBlocks + b;
            MemorySegment.copy(table, 0, tables, JAVA_INT, 4L * s * tableBlocks, tableBlocks);
            plan.add(new int[length], length - 1, 1, table, tableBlocks);
            starts[s + 1] = s + 1;
            firsts[s] = length - 1;
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
            bench.kernels.attention(q, cache + run % layers * layerBytes, kv, slices, work, to);
            bench.kernels.merge(kv, slices, work, to);
        });
        System.out.printf(
                "attention of %d x %d positions: %.4f ms, %.0f GB/s, %.0f %% of a copy (%d items, %d merges)%n",
                count,
                length,
                ms,
                layerBytes / ms / 1e6,
                100 * layerBytes / ms / copyBytesPerMs,
                split.itemCount(),
                split.mergeCount());
    }

    private long zeroed(long bytes) {
        long address = bench.room(bytes);
        bench.device.fill(address, 0, bytes);
        return address;
    }

    private interface Work {
        void queue(int run);
    }

    /// Milliseconds of the median run, by the device's own clock; two runs before warm it up.
    private double median(Work work) {
        long[] events = new long[RUNS + 3];
        for (int i = 0; i < events.length; i++) events[i] = event();
        for (int run = 0; run < RUNS + 2; run++) {
            recordEvent(events[run]);
            work.queue(run);
        }
        recordEvent(events[RUNS + 2]);
        bench.device.await();
        double[] ms = new double[RUNS];
        for (int run = 0; run < RUNS; run++) ms[run] = between(events[run + 2], events[run + 3]);
        Arrays.sort(ms);
        return ms[RUNS / 2];
    }

    private long event() {
        try {
            bench.device.library().check("an event", (int) openEvent.invokeExact(out.address()));
            return out.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    private void recordEvent(long event) {
        try {
            bench.device.library().check("an event", (int) record.invokeExact(event, bench.device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    private double between(long from, long to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ms = arena.allocate(JAVA_FLOAT);
            bench.device.library().check("an event", (int) elapsed.invokeExact(from, to, ms.address()));
            return ms.get(JAVA_FLOAT, 0);
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }
}

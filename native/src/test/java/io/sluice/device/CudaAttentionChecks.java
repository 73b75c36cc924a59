package io.sluice.device;

import static io.sluice.device.CudaBench.expect;
import static io.sluice.device.CudaBench.expectClose;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.device.Kernels.Rows;
import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/// Rotary positions, the paged cache and both attention kernels against plain Java, and against themselves in other
/// batches, slices and splits.
final class CudaAttentionChecks {
    private static final int BLOCKS = 64;
    private static final int POSITIONS = 700;
    private static final int PARTIALS = 128;
    private static final int SPLIT = 1_000_000; // as many blocks of threads as can be had
    private static final int WHOLE = 0;

    private final CudaBench bench;
    private final Random random;

    CudaAttentionChecks(CudaBench bench, long seed) {
        this.bench = bench;
        random = new Random(seed);
    }

    /// One sequence: the rows [q | k | v] of all its positions before rotation, and the blocks it lives in.
    private record Sequence(float[][] qkv, int[] blocks) {}

    /// A run of one sequence's positions in a call.
    private record Slice(Sequence sequence, int first, int length) {}

    /// A layer's cache, full of NaN.
    private record Cache(CudaKv kv, long address) {}

    private Cache cache(KvLayout layout) {
        long bytes = BLOCKS * layout.blockBytes();
        long address = bench.room(bytes);
        bench.device.fill(address, 0xff, bytes);
        return new Cache(CudaKv.describe(bench.host, layout), address);
    }

    void plainAttentionServesAnyShape() {
        for (Dtype dtype : Dtype.values()) {
            for (int headDim : new int[] {16, 64, 80, 128})
                plain(new KvLayout(dtype, 3, 1, headDim, 16), 1, 16, 17, 40);
            plain(new KvLayout(dtype, 9, 3, 64, 64), 5, 64, 65);
            plain(new KvLayout(dtype, 40, 2, 32, 16), 3, 20);
            plain(new KvLayout(dtype, 2, 1, 256, 16), 20);
            plain(new KvLayout(dtype, 6, 2, 10, 4), 3, 17, 40);
            plain(new KvLayout(dtype, 2, 2, 40, 1), 9, 21);
        }
    }

    private void plain(KvLayout layout, int... lengths) {
        List<Sequence> sequences = sequences(layout, lengths);
        List<Slice> slices = new ArrayList<>();
        for (Sequence sequence : sequences) slices.add(new Slice(sequence, 0, sequence.qkv.length));
        float[][] actual = new Call(cache(layout), slices, Format.FLOAT32).attendPlain();
        compare(layout, sequences, actual, false, layout.toString());
    }

    void tensorCoresServeRaggedSlices() {
        for (int headDim : new int[] {64, 96, 128, 256}) {
            tensorCores(new KvLayout(Dtype.BFLOAT16, 4, 2, headDim, 16), 1, 15, 16, 17);
        }
        tensorCores(new KvLayout(Dtype.BFLOAT16, 9, 3, 64, 64), 1, 63, 65, 130);
        tensorCores(new KvLayout(Dtype.BFLOAT16, 4, 1, 64, 16), 129, 257, 1);
        tensorCores(new KvLayout(Dtype.BFLOAT16, 40, 2, 64, 16), 3, 20); // more heads in a group than a tile holds
        tensorCores(new KvLayout(Dtype.BFLOAT16, 14, 2, 64, 16), 3, 20); // seven
        tensorCores(new KvLayout(Dtype.BFLOAT16, 2, 2, 64, 4), 3, 17, 40);
        tensorCores(new KvLayout(Dtype.BFLOAT16, 2, 1, 64, 1), 9, 21);
    }

    private void tensorCores(KvLayout layout, int... lengths) {
        List<Sequence> sequences = sequences(layout, lengths);
        List<Slice> slices = new ArrayList<>();
        for (Sequence sequence : sequences) slices.add(new Slice(sequence, 0, sequence.qkv.length));
        Cache cache = cache(layout);
        float[][] whole = new Call(cache, slices, Format.FLOAT32).attend(WHOLE, Format.FLOAT32);
        compare(layout, sequences, whole, true, layout.toString());
        float[][] split = new Call(cache, slices, Format.BFLOAT16).attend(SPLIT, Format.FLOAT32);
        compare(layout, sequences, split, true, layout + " rows of bfloat16, split");
    }

    /// Values of random numbers are averages: what is off by a key shows, what is rounded does not.
    private static void compare(
            KvLayout layout, List<Sequence> sequences, float[][] actual, boolean rounds, String what) {
        double tolerance = rounds ? 3e-2 : 5e-5;
        int row = 0;
        for (Sequence sequence : sequences) {
            for (float[] expected : PlainAttention.outputs(layout, sequence.qkv, rounds)) {
                for (int i = 0; i < expected.length; i++) {
                    expectClose(actual[row][i], expected[i], tolerance, what, "row", row, "number", i);
                }
                row++;
            }
        }
    }

    void aTokenAttendsTheSameHoweverTheWorkIsSplit() {
        KvLayout layout = new KvLayout(Dtype.BFLOAT16, 6, 2, 64, 16);
        List<Sequence> sequences = sequences(layout, 300, 7, 33);
        Sequence first = sequences.getFirst();
        float[][] alone = new Call(cache(layout), List.of(new Slice(first, 0, 300)), Format.FLOAT32)
                .attend(WHOLE, Format.FLOAT32);
        Cache cache = cache(layout);
        List<float[]> chunked = new ArrayList<>();
        int step = 0;
        for (int position = 0, length = 1; position < 300; position += length, length = length % 97 + 29, step++) {
            length = Math.min(length, 300 - position);
            List<Slice> batch = List.of(
                    new Slice(sequences.get(1), 0, 7),
                    new Slice(first, position, length),
                    new Slice(sequences.get(2), 0, 33));
            float[][] rows =
                    new Call(cache, batch, Format.FLOAT32).attend(step % 2 == 0 ? SPLIT : WHOLE, Format.FLOAT32);
            chunked.addAll(Arrays.asList(rows).subList(7, 7 + length));
        }
        for (int r = 0; r < 300; r++) expect(Arrays.equals(chunked.get(r), alone[r]), "row", r);
    }

    /// A row that is not a number spoils those after it in its sequence, and nothing else.
    void whatIsNotANumberStaysWithThoseThatSeeIt() {
        KvLayout layout = new KvLayout(Dtype.BFLOAT16, 4, 2, 64, 16);
        List<Sequence> sequences = sequences(layout, 40, 21);
        int spoiled = 19;
        float[][] qkv = sequences.getFirst().qkv;
        Arrays.fill(qkv[spoiled], 6 * 64, 8 * 64, Float.NaN); // its values
        List<Slice> slices = List.of(new Slice(sequences.getFirst(), 0, 40), new Slice(sequences.get(1), 0, 21));
        for (boolean tensorCores : new boolean[] {true, false}) {
            Call call = new Call(cache(layout), slices, Format.FLOAT32);
            float[][] rows = tensorCores ? call.attend(WHOLE, Format.FLOAT32) : call.attendPlain();
            for (int r = 0; r < 61; r++) {
                boolean sees = r >= spoiled && r < 40;
                for (float x : rows[r]) expect(Float.isNaN(x) == sees, "tensor cores", tensorCores, "row", r);
            }
            float[][] expected = PlainAttention.outputs(layout, Arrays.copyOf(qkv, spoiled), tensorCores);
            for (int r = 0; r < spoiled; r++) {
                for (int i = 0; i < expected[r].length; i++) {
                    expectClose(rows[r][i], expected[r][i], 3e-2, "row", r, "number", i);
                }
            }
        }
    }

    void writesRowsOfBytes() {
        KvLayout layout = new KvLayout(Dtype.BFLOAT16, 4, 2, 64, 16);
        List<Sequence> sequences = sequences(layout, 30);
        List<Slice> slices = List.of(new Slice(sequences.getFirst(), 0, 30));
        Call call = new Call(cache(layout), slices, Format.FLOAT32);
        float[][] bytes = call.attend(WHOLE, Format.INT8);
        float[][] halves = call.attend(WHOLE, Format.BFLOAT16);
        float[][] expected = call.attend(WHOLE, Format.FLOAT32);
        for (int r = 0; r < 30; r++) {
            for (int i = 0; i < 256; i++) {
                float largest = 0;
                for (int j = i / 32 * 32; j < i / 32 * 32 + 32; j++)
                    largest = Math.max(largest, Math.abs(expected[r][j]));
                expectClose(bytes[r][i], expected[r][i], largest / 127 * 0.51, "row", r, "number", i);
                expect(halves[r][i] == KernelRows.round(expected[r][i]), "row", r, "number", i);
            }
        }
    }

    private List<Sequence> sequences(KvLayout kv, int... lengths) {
        List<Integer> free = new ArrayList<>();
        for (int i = 0; i < BLOCKS; i++) free.add(i);
        Collections.shuffle(free, random);
        List<Sequence> sequences = new ArrayList<>();
        for (int length : lengths) {
            int[] blocks = new int[Math.ceilDiv(length, kv.blockSize())];
            for (int i = 0; i < blocks.length; i++) blocks[i] = free.removeLast();
            int width = (kv.headCount() + 2 * kv.kvHeadCount()) * kv.headDim();
            sequences.add(new Sequence(KernelRows.random(random, length, width), blocks));
        }
        return sequences;
    }

    /// A step of several slices: keys and values are written when it is made.
    private final class Call {
        private final Cache cache;
        private final StepPlan plan;
        private final CudaKv.Slices slices;
        private final Rows qkv;
        private final int tokens;
        private final int width;

        private Call(Cache cache, List<Slice> parts, Format format) {
            this.cache = cache;
            KvLayout kv = cache.kv.layout();
            width = kv.headCount() * kv.headDim();
            tokens = parts.stream().mapToInt(Slice::length).sum();
            plan = new StepPlan(new ModelLimits(BLOCKS, kv.blockSize(), POSITIONS, POSITIONS, parts.size(), 1, 0));
            float[][] rows = new float[tokens][];
            int[] positions = new int[tokens];
            long[] slots = new long[tokens];
            int[] tables = new int[parts.size() * BLOCKS];
            int[] tokenStart = new int[parts.size() + 1];
            int[] firstPosition = new int[parts.size()];
            int token = 0;
            for (int s = 0; s < parts.size(); s++) {
                Slice slice = parts.get(s);
                int[] blocks = slice.sequence.blocks;
                plan.add(new int[POSITIONS], slice.first, slice.length, blocks, blocks.length);
                System.arraycopy(blocks, 0, tables, s * BLOCKS, blocks.length);
                firstPosition[s] = slice.first;
                for (int i = 0; i < slice.length; i++, token++) {
                    int position = slice.first + i;
                    rows[token] = slice.sequence.qkv[position];
                    positions[token] = position;
                    slots[token] =
                            (long) blocks[position / kv.blockSize()] * kv.blockSize() + position % kv.blockSize();
                }
                tokenStart[s + 1] = token;
            }
            slices = new CudaKv.Slices(
                    bench.ints(tables), BLOCKS, bench.ints(tokenStart), bench.ints(firstPosition), parts.size());
            qkv = bench.rows(rows, format);
            long rotation = bench.floats(PlainAttention.rotation(kv.headDim(), POSITIONS));
            bench.kernels.ropeKv(
                    qkv, rotation, bench.ints(positions), bench.longs(slots), cache.address, cache.kv, tokens);
        }

        private float[][] attendPlain() {
            Rows out = bench.emptyRows(tokens, width, Format.FLOAT32);
            bench.kernels.attentionPlain(qkv, cache.address, cache.kv, slices, tokens, out);
            return bench.read(out, tokens, width);
        }

        private float[][] attend(int blocksWanted, Format outFormat) {
            AttentionPlan split = new AttentionPlan(cache.kv, blocksWanted, PARTIALS);
            int itemsMax = AttentionPlan.itemsMax(tokens, PARTIALS);
            MemorySegment items = bench.host.allocate(JAVA_INT, (long) itemsMax * AttentionPlan.ITEM_INTS);
            MemorySegment merges = bench.host.allocate(JAVA_INT, (long) tokens * AttentionPlan.ITEM_INTS);
            split.fill(plan, items, merges);
            if (blocksWanted == WHOLE) expect(split.mergeCount() == 0, "nothing is split");
            long partials = bench.room(cache.kv.partialBytes() * PARTIALS);
            CudaKv.Work work = new CudaKv.Work(
                    bench.put(items),
                    bench.ints(split.itemCount()),
                    itemsMax,
                    bench.put(merges),
                    bench.ints(split.mergeCount()),
                    tokens,
                    partials);
            Rows out = bench.emptyRows(tokens, width, outFormat);
            bench.kernels.attention(qkv, cache.address, cache.kv, slices, work, out);
            bench.kernels.merge(cache.kv, slices, work, out);
            return bench.read(out, tokens, width);
        }
    }
}

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Rotary positions, the paged cache and attention against plain Java, and against themselves in other batches.
class AttentionKernelTest {
    private static final long SEED = 4711;
    private static final int BLOCKS = 64;

    private final Random random = new Random(SEED);

    /// One sequence: the rows [q | k | v] of all its positions before rotation, and the blocks it lives in.
    private record Sequence(float[][] qkv, int[] blocks) {}

    /// A run of one sequence's positions in a call.
    private record Slice(Sequence sequence, int first, int length) {}

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void attendsLikePlainJavaOverRaggedSlices(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 2)) {
            for (Dtype dtype : Dtype.values()) {
                for (int headDim : new int[] {16, 32, 64, 80, 96, 128}) {
                    check(kernels, new KvLayout(dtype, 3, 1, headDim, 16), 1, 16, 17, 70);
                }
                check(kernels, new KvLayout(dtype, 4, 4, 32, 32), 1, 31, 32, 33, 130);
                check(kernels, new KvLayout(dtype, 9, 3, 64, 64), 5, 64, 65, 200);
                check(kernels, new KvLayout(dtype, 40, 2, 32, 16), 3, 40); // more heads in a group than a tile holds
                check(kernels, new KvLayout(dtype, 8, 1, 256, 16), 20);
                check(kernels, new KvLayout(dtype, 6, 2, 10, 4), 3, 17, 40); // nothing a vector would like
                check(kernels, new KvLayout(dtype, 2, 2, 40, 1), 9, 21);
                check(kernels, new KvLayout(dtype, 2, 1, 34, 8), 1, 8, 9, 65);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void seesNoFurtherThanItsWindowAndCapsScores(InstructionSet set) {
        try (Kernels kernels = KernelsTest.kernels(set, 2)) {
            for (Dtype dtype : Dtype.values()) {
                for (int window : new int[] {1, 16, 17, 65}) {
                    Kernels.Scores scores = new Kernels.Scores(window, 0.4f, window % 2 == 0 ? 0 : 1.5f);
                    check(kernels, new KvLayout(dtype, 4, 2, 32, 16), scores, 1, 16, 150);
                    check(kernels, new KvLayout(dtype, 9, 3, 10, 4), scores, 17, 90);
                    check(kernels, new KvLayout(dtype, 2, 2, 40, 1), scores, 21);
                    check(kernels, new KvLayout(dtype, 40, 2, 32, 64), scores, 70);
                }
            }
        }
    }

    private void check(Kernels kernels, KvLayout kv, int... lengths) {
        check(kernels, kv, plain(kv), lengths);
    }

    private static Kernels.Scores plain(KvLayout kv) {
        return new Kernels.Scores(0, 1f / (float) Math.sqrt(kv.headDim()), 0);
    }

    private void check(Kernels kernels, KvLayout kv, Kernels.Scores scores, int... lengths) {
        try (Arena arena = Arena.ofConfined()) {
            List<Sequence> sequences = sequences(kv, lengths);
            MemorySegment cache = arena.allocate(BLOCKS * kv.blockBytes(), 64);
            List<Slice> slices = new ArrayList<>();
            for (Sequence sequence : sequences) slices.add(new Slice(sequence, 0, sequence.qkv.length));
            float[][] actual = run(kernels, arena, kv, scores, cache, slices);
            // Where pairs of bfloat16 are multiplied, queries are rounded, and weights, by at most 2^-9 of each.
            boolean rounds =
                    kv.dtype() == Dtype.BFLOAT16 && kernels.instructionSet().multipliesBf16();
            float tolerance = rounds ? 1e-2f : 2e-5f;
            int row = 0;
            for (Sequence sequence : sequences) {
                float[][] expected = PlainAttention.outputs(kv, scores, sequence.qkv, rounds);
                for (float[] expectedRow : expected) {
                    assertThat(actual[row])
                            .as("%s %s lengths %s row %d seed %d", kv, scores, lengths, row, SEED)
                            .containsExactly(expectedRow, within(tolerance));
                    row++;
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(InstructionSet.class)
    void aTokenAttendsTheSameInAnyBatchChunkingAndNumberOfThreads(InstructionSet set) {
        try (Kernels one = KernelsTest.kernels(set, 1);
                Kernels three = KernelsTest.kernels(set, 3);
                Arena arena = Arena.ofConfined()) {
            for (int i = 0; i < 4; i++) {
                KvLayout kv = new KvLayout(i % 2 == 0 ? Dtype.FLOAT32 : Dtype.BFLOAT16, 9, 3, 64, 16);
                Kernels.Scores scores = i < 2 ? plain(kv) : new Kernels.Scores(21, 0.2f, 3);
                List<Sequence> sequences = sequences(kv, 100, 7, 33);
                Sequence first = sequences.getFirst();
                float[][] alone = run(
                        one,
                        arena,
                        kv,
                        scores,
                        arena.allocate(BLOCKS * kv.blockBytes(), 64),
                        List.of(new Slice(first, 0, 100)));

                MemorySegment cache = arena.allocate(BLOCKS * kv.blockBytes(), 64);
                List<float[]> chunked = new ArrayList<>();
                for (int position = 0, length = 1; position < 100; position += length, length = length % 23 + 7) {
                    length = Math.min(length, 100 - position);
                    List<Slice> batch = List.of(
                            new Slice(sequences.get(1), 0, 7),
                            new Slice(first, position, length),
                            new Slice(sequences.get(2), 0, 33));
                    float[][] rows = run(three, arena, kv, scores, cache, batch);
                    chunked.addAll(List.of(rows).subList(7, 7 + length));
                }
                assertThat(chunked.toArray(float[][]::new)).isDeepEqualTo(alone);
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

    private static float[][] run(
            Kernels kernels, Arena arena, KvLayout kv, Kernels.Scores scores, MemorySegment cache, List<Slice> slices) {
        int tokens = slices.stream().mapToInt(Slice::length).sum();
        float[][] qkv = new float[tokens][];
        int[] positions = new int[tokens];
        long[] slots = new long[tokens];
        int[] tables = new int[slices.size() * BLOCKS];
        int[] tokenStart = new int[slices.size() + 1];
        int[] firstPosition = new int[slices.size()];
        int[] tileStart = new int[slices.size() + 1];
        int token = 0;
        for (int s = 0; s < slices.size(); s++) {
            Slice slice = slices.get(s);
            int[] blocks = slice.sequence.blocks;
            System.arraycopy(blocks, 0, tables, s * BLOCKS, blocks.length);
            firstPosition[s] = slice.first;
            for (int i = 0; i < slice.length; i++, token++) {
                int position = slice.first + i;
                qkv[token] = slice.sequence.qkv[position];
                positions[token] = position;
                slots[token] = (long) blocks[position / kv.blockSize()] * kv.blockSize() + position % kv.blockSize();
            }
            tokenStart[s + 1] = token;
            tileStart[s + 1] = tileStart[s] + Math.ceilDiv(slice.length, kv.tileTokens());
        }
        int width = kv.headCount() * kv.headDim();
        KernelRows rows = KernelRows.of(arena, qkv, Dtype.FLOAT32);
        KernelRows out = new KernelRows(arena, tokens, width, Dtype.FLOAT32);
        long rotation = arena.allocateFrom(JAVA_FLOAT, PlainAttention.rotation(kv.headDim(), 256))
                .address();
        kernels.ropeKv(
                rows.rows(),
                new Kernels.Turn(rotation, kv.headDim(), 0, 0, 0, 0),
                KernelRows.ints(arena, positions).address(),
                KernelRows.longs(arena, slots).address(),
                cache.address(),
                kv,
                tokens);
        kernels.attention(
                rows.rows(),
                scores,
                cache.address(),
                kv,
                new Kernels.Slices(
                        KernelRows.ints(arena, tables).address(),
                        BLOCKS,
                        KernelRows.ints(arena, tokenStart).address(),
                        KernelRows.ints(arena, firstPosition).address(),
                        KernelRows.ints(arena, tileStart).address()),
                slices.size(),
                out.rows());
        float[][] result = new float[tokens][];
        for (int r = 0; r < tokens; r++) result[r] = out.row(r, width);
        return result;
    }
}

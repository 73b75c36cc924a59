package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Each CPU kernel on all processors, in the shapes of Llama-3.1-8B. The report sets the times against what
/// `MachineBenchmark` measured: what they moved against the memory's rate, what they computed against that of products.
/// Products go around copies of their matrix, because a step reads each weight once and none from a cache.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class KernelBenchmark {
    private static final long COPIES_BYTES = 192L << 20;
    private static final KvLayout KV = new KvLayout(Dtype.BFLOAT16, 32, 8, 128, 16);

    /// The kernel, and for products the weights' format and the number of rows.
    @Param({
        "GEMM_FLOAT32_1",
        "GEMM_FLOAT32_256",
        "GEMM_BFLOAT16_1",
        "GEMM_BFLOAT16_16",
        "GEMM_BFLOAT16_256",
        "GEMM_INT8_1",
        "GEMM_INT8_256",
        "GEMM_INT4_1",
        "GEMM_INT4_256",
        "EMBED",
        "GATHER",
        "SCATTER_ADD",
        "RMS_NORM",
        "SILU_MUL",
        "GELU_MUL",
        "SCALE",
        "SOFT_CAP",
        "ARGMAX",
        "ROPE_KV",
        "ATTENTION"
    })
    public String kernel = "RMS_NORM";

    private @Nullable Kernels kernels;
    private @Nullable Region memory;
    private Runnable call = () -> {};

    @Setup
    public void prepare() throws KernelLibrary.Unavailable {
        KernelLibrary library = KernelLibrary.load();
        var made = new Kernels(library, library.best(), Runtime.getRuntime().availableProcessors());
        kernels = made;
        KernelWork work = KernelWork.valueOf(kernel);
        var room = new Region(made, 1L << 30); // mapped, and only used where something is written
        memory = room;
        call = work.isProduct() ? product(made, room, work) : other(made, room, work);
    }

    private static Runnable product(Kernels kernels, Region room, KernelWork work) {
        int size = KernelWork.HIDDEN;
        long bytes = PackedMatrix.bytes(size, size, work.weights());
        long stored = room.take((long) PackedMatrix.PANEL * size * Float.BYTES);
        noise(stored, PackedMatrix.PANEL * size);
        List<PackedMatrix> copies = new ArrayList<>();
        for (long taken = 0; taken < Math.max(COPIES_BYTES, 2 * bytes); taken += bytes) {
            var matrix = new PackedMatrix(room.take(bytes), size, size, work.weights());
            for (int panel = 0; panel < matrix.panelCount(); panel++) pack(kernels, stored, matrix, panel);
            copies.add(matrix);
        }
        var products = new KernelProducts(kernels, Dtype.BFLOAT16, true);
        Format inputs = products.matrix(0, size, size, work.weights()).inputs();
        Kernels.Rows x = products.input(room.take(products.inputBytes(work.rows(), size)), size, inputs);
        Kernels.Rows y = rows(room, work.rows(), size);
        int[] next = {0};
        return () -> kernels.multiply(x, copies.get(next[0]++ % copies.size()), y, work.rows());
    }

    private static void pack(Kernels kernels, long stored, PackedMatrix matrix, int panel) {
        switch (matrix.format()) {
            case FLOAT32, BFLOAT16 -> kernels.pack(stored, PackedMatrix.PANEL, matrix, panel);
            case INT8 -> kernels.packStored(TensorType.Q8_0, stored, PackedMatrix.PANEL, matrix, panel);
            case INT4 -> kernels.packStored(TensorType.Q4_0, stored, PackedMatrix.PANEL, matrix, panel);
        }
    }

    private static Runnable other(Kernels kernels, Region room, KernelWork work) {
        int count = KernelWork.ROWS;
        int hidden = KernelWork.HIDDEN;
        int inner = KernelWork.INTERMEDIATE;
        return switch (work) {
            case EMBED -> embed(kernels, room);
            case GATHER -> {
                Kernels.Rows x = rows(room, count, hidden);
                Kernels.Rows out = rows(room, count, hidden);
                yield () -> kernels.gather(x, 0, out, count, hidden);
            }
            case SCATTER_ADD -> {
                long index = ascending(room, count);
                long weights = room.take(4L * count);
                Kernels.Rows x = rows(room, count, hidden);
                Kernels.Rows out = rows(room, count, hidden);
                yield () -> kernels.scatterAdd(x, index, weights, out, count, hidden);
            }
            case RMS_NORM -> {
                long weight = room.take(4L * hidden);
                Kernels.Rows x = rows(room, count, hidden);
                Kernels.Rows out = rows(room, count, hidden);
                yield () -> kernels.rmsNorm(x, 0, weight, 1e-5f, out, count, hidden);
            }
            case SILU_MUL, GELU_MUL -> {
                Kernels.Rows x = rows(room, count, 2 * inner);
                Kernels.Rows out = rows(room, count, inner);
                yield work == KernelWork.SILU_MUL
                        ? () -> kernels.siluMul(x, out, count, inner)
                        : () -> kernels.geluMul(x, out, count, inner);
            }
            case SCALE, SOFT_CAP -> {
                Kernels.Rows x = rows(room, count, hidden);
                yield work == KernelWork.SCALE
                        ? () -> kernels.scale(x, 1f, count, hidden) // as often as it is called
                        : () -> kernels.softCap(x, 30f, count, hidden);
            }
            case ARGMAX -> {
                int width = KernelWork.VOCABULARY;
                Kernels.Rows logits = rows(room, KernelWork.SAMPLED, width);
                long scratch = room.take(Kernels.argmaxScratchBytes(KernelWork.SAMPLED, width));
                long out = room.take(4L * KernelWork.SAMPLED);
                yield () -> kernels.argmax(logits, KernelWork.SAMPLED, width, scratch, out);
            }
            case ROPE_KV -> ropeKv(kernels, room);
            case ATTENTION -> attention(kernels, room);
            default -> throw new IllegalArgumentException(work + " is a product");
        };
    }

    private static Runnable embed(Kernels kernels, Region room) {
        var table = new PackedMatrix(
                room.take(PackedMatrix.bytes(KernelWork.VOCABULARY / 4, KernelWork.HIDDEN, Format.BFLOAT16)),
                KernelWork.VOCABULARY / 4,
                KernelWork.HIDDEN,
                Format.BFLOAT16);
        long tokens = ascending(room, KernelWork.ROWS);
        Kernels.Rows out = rows(room, KernelWork.ROWS, KernelWork.HIDDEN);
        return () -> kernels.embed(table, tokens, out, KernelWork.ROWS);
    }

    private static Runnable ropeKv(Kernels kernels, Region room) {
        int tokens = KernelWork.ROWS;
        long rotation = room.take(4L * tokens * KV.headDim());
        long positions = ascending(room, tokens);
        long slots = ascending(room, tokens);
        long layer = room.take(KV.blockBytes() * tokens / KV.blockSize());
        Kernels.Rows qkv = rows(room, tokens, KernelWork.QKV);
        var turn = new Kernels.Turn(rotation, KV.headDim(), 0, 0, 0, 1e-5f);
        return () -> kernels.ropeKv(qkv, turn, positions, slots, layer, KV, tokens);
    }

    private static Runnable attention(Kernels kernels, Region room) {
        int sequences = KernelWork.SEQUENCES;
        int blocks = KernelWork.CONTEXT / KV.blockSize();
        long tables = room.take(4L * sequences * blocks);
        for (int i = 0; i < sequences * blocks; i++)
            ints(tables, sequences * blocks).setAtIndex(JAVA_INT, i, i);
        long tokenStart = ascending(room, sequences + 1);
        long tileStart = ascending(room, sequences + 1);
        long first = room.take(4L * sequences);
        for (int i = 0; i < sequences; i++) ints(first, sequences).setAtIndex(JAVA_INT, i, KernelWork.CONTEXT - 1);
        long layer = room.take(KV.blockBytes() * sequences * blocks);
        Kernels.Rows qkv = rows(room, sequences, KernelWork.QKV);
        Kernels.Rows out = rows(room, sequences, KernelWork.HIDDEN);
        var scores = new Kernels.Scores(0, 0.088f, 0);
        var slices = new Kernels.Slices(tables, blocks, tokenStart, first, tileStart);
        return () -> kernels.attention(qkv, scores, layer, KV, slices, sequences, out);
    }

    private static Kernels.Rows rows(Region room, int count, int width) {
        int stride = PackedMatrix.padded(width) + 2 * PackedMatrix.PANEL;
        long address = room.take((long) count * stride * Float.BYTES);
        noise(address, count * stride);
        return new Kernels.Rows(address, stride, Format.FLOAT32);
    }

    private static void noise(long address, int count) {
        var random = new Random(1);
        MemorySegment numbers = Region.view(address, (long) count * Float.BYTES);
        for (int i = 0; i < count; i++) numbers.setAtIndex(JAVA_FLOAT, i, random.nextFloat() - 0.5f);
    }

    private static long ascending(Region room, int count) {
        long address = room.take(4L * count);
        for (int i = 0; i < count; i++) ints(address, count).setAtIndex(JAVA_INT, i, i);
        return address;
    }

    private static MemorySegment ints(long address, int count) {
        return Region.view(address, 4L * count);
    }

    @Benchmark
    public void call() {
        call.run();
    }

    @TearDown
    public void close() {
        Objects.requireNonNull(memory).close();
        Objects.requireNonNull(kernels).close();
    }
}

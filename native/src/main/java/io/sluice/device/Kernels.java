package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// The CPU kernels of `src/main/c` in one instruction set, with the threads that run them. Arguments are addresses and
/// sizes, checked by nobody: callers own the layouts, which `sluice.h` and the files beside it define. Strides count
/// elements. One thread at a time; hot path, no allocation.
///
/// Results do not depend on the number of threads, on the other rows of a call, or on how prompts are sliced.
final class Kernels implements AutoCloseable {
    private static final MemoryLayout P = JAVA_LONG; // pointers travel as numbers
    private static final MemoryLayout J = JAVA_LONG;

    private final InstructionSet set;
    private final long pool;
    private final MethodHandle closePool;
    private final MethodHandle map;
    private final MethodHandle unmap;
    private final MethodHandle forget;
    private final MethodHandle packF32;
    private final MethodHandle packBf16;
    private final MethodHandle packStoredBf16;
    private final MethodHandle packQ8Of32;
    private final MethodHandle packQ4Of32;
    private final MethodHandle packQ4Of32WithMinimum;
    private final MethodHandle embedF32;
    private final MethodHandle embedBf16;
    private final MethodHandle embedQ8;
    private final MethodHandle embedQ4;
    private final MethodHandle rmsNorm;
    private final MethodHandle siluMul;
    private final MethodHandle geluMul;
    private final MethodHandle scale;
    private final MethodHandle softCap;
    private final MethodHandle scatterAdd;
    private final MethodHandle argmax;
    private final MethodHandle gatherF32;
    private final MethodHandle gatherBf16;
    private final MethodHandle gemmF32;
    private final MethodHandle gemmF32Bf16;
    private final MethodHandle gemmBf16;
    private final MethodHandle gemmQ8;
    private final MethodHandle gemmQ4;
    private final MethodHandle ropeKvF32;
    private final MethodHandle ropeKvBf16;
    private final MethodHandle attentionF32;
    private final MethodHandle attentionBf16;

    Kernels(KernelLibrary library, InstructionSet set, int threads) {
        this.set = set;
        MethodHandle openPool = library.bindPointer("sluice_pool_open", JAVA_INT);
        closePool = library.bind("sluice_pool_close", P);
        map = library.bindPointer("sluice_map", J);
        unmap = library.bind("sluice_unmap", P, J);
        forget = library.bind("sluice_forget", P, J);
        Binder kernel = (name, arguments) -> library.bind("sluice_" + name + "_" + set.symbol(), arguments);
        MemoryLayout[] pack = {P, J, J, P, J};
        packF32 = kernel.bind("pack_f32", pack);
        packBf16 = kernel.bind("pack_bf16", pack);
        packStoredBf16 = kernel.bind("pack_stored_bf16", pack);
        packQ8Of32 = kernel.bind("pack_q8_0", pack);
        packQ4Of32 = kernel.bind("pack_q4_0", pack);
        packQ4Of32WithMinimum = kernel.bind("pack_q4_1", pack);
        MemoryLayout[] embed = {P, P, P, P, J, J, J};
        embedF32 = kernel.bind("embed_f32", embed);
        embedBf16 = kernel.bind("embed_bf16", embed);
        embedQ8 = kernel.bind("embed_q8", embed);
        embedQ4 = kernel.bind("embed_q4", embed);
        rmsNorm = kernel.bind("rmsnorm", P, P, J, P, P, JAVA_FLOAT, P, J, JAVA_INT, J, J);
        MemoryLayout[] gateMul = {P, P, J, P, J, JAVA_INT, J, J};
        siluMul = kernel.bind("silu_mul", gateMul);
        geluMul = kernel.bind("gelu_mul", gateMul);
        scale = kernel.bind("scale", P, P, J, JAVA_FLOAT, J, J);
        softCap = kernel.bind("soft_cap", P, P, J, JAVA_FLOAT, J, J);
        scatterAdd = kernel.bind("scatter_add", P, P, J, P, P, P, J, J, J);
        argmax = kernel.bind("argmax", P, P, J, J, J, P, P);
        MemoryLayout[] gather = {P, P, J, P, P, J, J, J, JAVA_INT};
        gatherF32 = kernel.bind("gather_f32", gather);
        gatherBf16 = kernel.bind("gather_bf16", gather);
        MemoryLayout[] gemm = {P, P, J, P, P, J, J, J, J, JAVA_INT};
        gemmF32 = kernel.bind("gemm_f32", gemm);
        gemmF32Bf16 = kernel.bind("gemm_f32_bf16", gemm);
        gemmBf16 = kernel.bind("gemm_bf16", gemm);
        gemmQ8 = kernel.bind("gemm_q8", gemm);
        gemmQ4 = kernel.bind("gemm_q4", gemm);
        MemoryLayout[] rope = {P, P, J, P, P, P, P, J, J, J, J, J, J, P, P, P, JAVA_FLOAT};
        ropeKvF32 = kernel.bind("rope_kv_f32", rope);
        ropeKvBf16 = kernel.bind("rope_kv_bf16", rope);
        MemoryLayout[] attention = {
            P, P, J, P, P, J, P, P, P, J, J, J, J, J, J, P, J, JAVA_INT, J, JAVA_FLOAT, JAVA_FLOAT
        };
        attentionF32 = kernel.bind("attention_f32", attention);
        attentionBf16 = kernel.bind("attention_bf16", attention);
        pool = openPool(openPool, threads);
    }

    @FunctionalInterface
    private interface Binder {
        MethodHandle bind(String name, MemoryLayout... arguments);
    }

    InstructionSet instructionSet() {
        return set;
    }

    /// Zeroed memory from the system; the owner unmaps it.
    long map(long bytes) {
        try {
            long address = (long) map.invokeExact(bytes);
            if (address == 0) throw new OutOfMemoryError("cannot map " + bytes + " bytes");
            return address;
        } catch (OutOfMemoryError e) {
            throw e;
        } catch (Throwable e) {
            throw KernelLibrary.impossible(e);
        }
    }

    void unmap(long address, long bytes) {
        try {
            check((int) unmap.invokeExact(address, bytes));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Lets go of pages of a mapped file that nobody will read again; who does all the same reads the file.
    void forget(MemorySegment fileMemory) {
        try {
            check((int) forget.invokeExact(fileMemory.address(), fileMemory.byteSize()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Packs up to 16 rows of float32 weights, one after the other, as a panel of a matrix of float32 or bfloat16. Any
    /// thread.
    void pack(long rows, int count, PackedMatrix matrix, int panel) {
        pack(matrix.format() == Format.FLOAT32 ? packF32 : packBf16, rows, count, matrix, panel);
    }

    /// Packs up to 16 rows of weights as `type` stores them, one after the other, as a panel of a zeroed matrix. Any
    /// thread.
    void packStored(TensorType type, long rows, int count, PackedMatrix matrix, int panel) {
        MethodHandle pack = switch (type) {
            case Q8_0, INT8 -> packQ8Of32;
            case Q4_0 -> packQ4Of32;
            case Q4_1, INT4 -> packQ4Of32WithMinimum;
            case BF16 -> packStoredBf16;
            default -> throw new IllegalArgumentException(type + " is not kept as it is");
        };
        pack(pack, rows, count, matrix, panel);
    }

    private static void pack(MethodHandle pack, long rows, int count, PackedMatrix matrix, int panel) {
        try {
            check((int) pack.invokeExact(
                    rows, (long) count, (long) matrix.columns(), matrix.pairAddress(panel), (long) (panel % 2)));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `out[r, :] = table[tokens[r], :]`, float32.
    void embed(PackedMatrix table, long tokens, Rows out, int rows) {
        MethodHandle embed = switch (table.format()) {
            case FLOAT32 -> embedF32;
            case BFLOAT16 -> embedBf16;
            case INT8 -> embedQ8;
            case INT4 -> embedQ4;
        };
        try {
            check((int) embed.invokeExact(
                    pool, table.address(), tokens, out.address(), (long) out.stride(), (long) rows, (long)
                            table.columns()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `out[r] = x[index[r]]`, float32; an `index` of 0 takes the rows in order.
    void gather(Rows x, long index, Rows out, int rows, int width) {
        gather(x, index, out, rows, width, 0);
    }

    /// `out[r] += x[index[r]]`, float32.
    void gatherAdd(Rows x, long index, Rows out, int rows, int width) {
        gather(x, index, out, rows, width, 1);
    }

    private void gather(Rows x, long index, Rows out, int rows, int width, int accumulate) {
        MethodHandle gather = x.format() == Format.FLOAT32 ? gatherF32 : gatherBf16;
        try {
            check((int) gather.invokeExact(
                    pool,
                    x.address(),
                    (long) x.stride(),
                    index,
                    out.address(),
                    (long) out.stride(),
                    (long) rows,
                    (long) width,
                    accumulate));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `out[r] = rmsNorm(x[index[r]]) * weight`; an `index` of 0 takes the rows in order.
    void rmsNorm(Rows x, long index, long weight, float eps, Rows out, int rows, int width) {
        try {
            check((int) rmsNorm.invokeExact(
                    pool,
                    x.address(),
                    (long) x.stride(),
                    index,
                    weight,
                    eps,
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    (long) rows,
                    (long) width));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `out[r, i] = silu(gateUp[r, i]) * gateUp[r, width + i]`.
    void siluMul(Rows gateUp, Rows out, int rows, int width) {
        gateMul(siluMul, gateUp, out, rows, width);
    }

    /// `out[r, i] = gelu(gateUp[r, i]) * gateUp[r, width + i]`, GELU in its tanh approximation.
    void geluMul(Rows gateUp, Rows out, int rows, int width) {
        gateMul(geluMul, gateUp, out, rows, width);
    }

    private void gateMul(MethodHandle gateMul, Rows gateUp, Rows out, int rows, int width) {
        try {
            check((int) gateMul.invokeExact(
                    pool,
                    gateUp.address(),
                    (long) gateUp.stride(),
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    (long) rows,
                    (long) width));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `x *= factor`, float32, in place.
    void scale(Rows x, float factor, int rows, int width) {
        inPlace(scale, x, factor, rows, width);
    }

    /// `x = cap tanh(x / cap)`, float32, in place.
    void softCap(Rows x, float cap, int rows, int width) {
        inPlace(softCap, x, cap, rows, width);
    }

    private void inPlace(MethodHandle kernel, Rows x, float number, int rows, int width) {
        try {
            check((int) kernel.invokeExact(pool, x.address(), (long) x.stride(), number, (long) rows, (long) width));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `out[index[r]] += weights[r] * x[r]`, float32.
    ///
    /// @param index int [rows], no row twice
    /// @param weights float [rows]
    void scatterAdd(Rows x, long index, long weights, Rows out, int rows, int width) {
        try {
            check((int) scatterAdd.invokeExact(
                    pool,
                    x.address(),
                    (long) x.stride(),
                    index,
                    weights,
                    out.address(),
                    (long) out.stride(),
                    (long) rows,
                    (long) width));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `y = x * w^T`, float32.
    void multiply(Rows x, PackedMatrix w, Rows y, int rows) {
        gemm(x, w, y, rows, 0);
    }

    /// `y += x * w^T`, float32.
    void multiplyAdd(Rows x, PackedMatrix w, Rows y, int rows) {
        gemm(x, w, y, rows, 1);
    }

    private void gemm(Rows x, PackedMatrix w, Rows y, int rows, int accumulate) {
        MethodHandle gemm = switch (w.format()) {
            case FLOAT32 -> gemmF32;
            case BFLOAT16 -> x.format() == Format.FLOAT32 ? gemmF32Bf16 : gemmBf16;
            case INT8 -> gemmQ8;
            case INT4 -> gemmQ4;
        };
        try {
            check((int) gemm.invokeExact(
                    pool,
                    x.address(),
                    (long) x.stride(),
                    w.address(),
                    y.address(),
                    (long) y.stride(),
                    (long) rows,
                    (long) w.rows(),
                    (long) w.columns(),
                    accumulate));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Turns queries and keys in `qkv` and writes keys and values of each token to its slot in the layer's
    /// cache.
    void ropeKv(Rows qkv, Turn turn, long positions, long slots, long layer, KvLayout kv, int tokens) {
        MethodHandle ropeKv = kv.dtype() == Dtype.FLOAT32 ? ropeKvF32 : ropeKvBf16;
        try {
            check((int) ropeKv.invokeExact(
                    pool,
                    qkv.address(),
                    (long) qkv.stride(),
                    turn.rotation(),
                    positions,
                    slots,
                    layer,
                    (long) tokens,
                    (long) kv.headCount(),
                    (long) kv.kvHeadCount(),
                    (long) kv.headDim(),
                    (long) kv.blockSize(),
                    (long) turn.rotaryWidth(),
                    turn.bias(),
                    turn.queryNorm(),
                    turn.keyNorm(),
                    turn.eps()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Causal attention of every query in `q` over its sequence's keys and values in the layer's cache.
    void attention(Rows q, Scores scores, long layer, KvLayout kv, Slices slices, int sliceCount, Rows out) {
        MethodHandle attention = kv.dtype() == Dtype.FLOAT32 ? attentionF32 : attentionBf16;
        try {
            check((int) attention.invokeExact(
                    pool,
                    q.address(),
                    (long) q.stride(),
                    layer,
                    slices.blockTables(),
                    (long) slices.tableStride(),
                    slices.tokenStart(),
                    slices.firstPosition(),
                    slices.tileStart(),
                    (long) sliceCount,
                    (long) kv.tileTokens(),
                    (long) kv.headCount(),
                    (long) kv.kvHeadCount(),
                    (long) kv.headDim(),
                    (long) kv.blockSize(),
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    (long) scores.window(),
                    scores.scale(),
                    scores.softcap()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// For each row of logits the first index of its largest number; -1 if that is not finite or one is not a number.
    ///
    /// @param scratch room for `argmaxScratchBytes`
    /// @param out int [rows]
    void argmax(Rows logits, int rows, int width, long scratch, long out) {
        try {
            check((int) argmax.invokeExact(
                    pool, logits.address(), (long) logits.stride(), (long) rows, (long) width, scratch, out));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// What `argmax` needs beside its rows.
    static long argmaxScratchBytes(int rows, int width) {
        return 8L * rows * Math.ceilDiv(width, ARGMAX_PART);
    }

    /// `PART` of `argmax.c`.
    private static final int ARGMAX_PART = 8192;

    /// Rows of numbers, `stride` numbers apart, or blocks.
    record Rows(long address, int stride, Format format) {}

    /// What becomes of queries, keys and values on the way to attention. Addresses of float32 numbers.
    ///
    /// @param rotation `[position, rotaryWidth]`: cosines, then sines
    /// @param rotaryWidth of a head, how many numbers are turned; 0 if none
    /// @param bias of the whole row, added first; 0 if there is none
    /// @param queryNorm `[headDim]`, applied before turning; 0 if there is none, like `keyNorm`
    /// @param eps of the norms
    record Turn(long rotation, int rotaryWidth, long bias, long queryNorm, long keyNorm, float eps) {}

    /// How scores of queries and keys are made.
    ///
    /// @param window keys that a token sees, its own among them; 0 if all before it
    /// @param softcap scores become `softcap tanh(score / softcap)`; 0 if they do not
    record Scores(int window, float scale, float softcap) {}

    /// Where the step's slices are described: int32 arrays.
    ///
    /// @param blockTables `[slice, tableStride]`
    /// @param tokenStart `[slice + 1]` first row of each slice
    /// @param firstPosition `[slice]`
    /// @param tileStart `[slice + 1]` number of tiles of `KvLayout.tileTokens` tokens in the slices before
    record Slices(long blockTables, int tableStride, long tokenStart, long firstPosition, long tileStart) {}

    @Override
    public void close() {
        try {
            check((int) closePool.invokeExact(pool));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private static long openPool(MethodHandle openPool, int threads) {
        long pool;
        try {
            pool = (long) openPool.invokeExact(threads);
        } catch (Throwable e) {
            throw KernelLibrary.impossible(e);
        }
        if (pool == 0) throw new IllegalArgumentException("cannot run kernels on " + threads + " threads");
        return pool;
    }

    private static void check(int status) {
        if (status != 0) throw new IllegalArgumentException("a kernel refused its arguments (" + status + ")");
    }

    private static RuntimeException rethrow(Throwable e) {
        if (e instanceof RuntimeException refused) return refused;
        throw KernelLibrary.impossible(e);
    }
}

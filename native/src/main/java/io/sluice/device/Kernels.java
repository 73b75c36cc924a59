package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.MemoryLayout;
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
    private final MethodHandle packF32;
    private final MethodHandle packBf16;
    private final MethodHandle embedF32;
    private final MethodHandle embedBf16;
    private final MethodHandle rmsNormF32;
    private final MethodHandle rmsNormBf16;
    private final MethodHandle siluMulF32;
    private final MethodHandle siluMulBf16;
    private final MethodHandle gatherF32;
    private final MethodHandle gatherBf16;
    private final MethodHandle gemmF32;
    private final MethodHandle gemmF32Bf16;
    private final MethodHandle gemmBf16;
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
        Binder kernel = (name, arguments) -> library.bind("sluice_" + name + "_" + set.symbol(), arguments);
        packF32 = kernel.bind("pack_f32", P, J, J, P);
        packBf16 = kernel.bind("pack_bf16", P, J, J, P);
        embedF32 = kernel.bind("embed_f32", P, P, P, P, J, J, J);
        embedBf16 = kernel.bind("embed_bf16", P, P, P, P, J, J, J);
        rmsNormF32 = kernel.bind("rmsnorm_f32", P, P, J, P, P, JAVA_FLOAT, P, J, J, J);
        rmsNormBf16 = kernel.bind("rmsnorm_bf16", P, P, J, P, P, JAVA_FLOAT, P, J, J, J);
        siluMulF32 = kernel.bind("silu_mul_f32", P, P, J, P, J, J, J);
        siluMulBf16 = kernel.bind("silu_mul_bf16", P, P, J, P, J, J, J);
        MemoryLayout[] gather = {P, P, J, P, P, J, J, J, JAVA_INT};
        gatherF32 = kernel.bind("gather_f32", gather);
        gatherBf16 = kernel.bind("gather_bf16", gather);
        MemoryLayout[] gemm = {P, P, J, P, P, J, J, J, J, JAVA_INT};
        gemmF32 = kernel.bind("gemm_f32", gemm);
        gemmF32Bf16 = kernel.bind("gemm_f32_bf16", gemm);
        gemmBf16 = kernel.bind("gemm_bf16", gemm);
        MemoryLayout[] rope = {P, P, J, P, P, P, P, J, J, J, J, J};
        ropeKvF32 = kernel.bind("rope_kv_f32", rope);
        ropeKvBf16 = kernel.bind("rope_kv_bf16", rope);
        MemoryLayout[] attention = {P, P, J, P, P, J, P, P, P, J, J, J, J, J, J, P, J, JAVA_INT};
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

    /// Packs up to 16 rows of float32 weights, `columns` apart, into the panel at `panel`. Any thread.
    void pack(Dtype dtype, long rows, int count, int columns, long panel) {
        MethodHandle pack = dtype == Dtype.FLOAT32 ? packF32 : packBf16;
        try {
            check((int) pack.invokeExact(rows, (long) count, (long) columns, panel));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `out[r, :] = table[tokens[r], :]`, float32.
    void embed(PackedMatrix table, long tokens, Rows out, int rows) {
        MethodHandle embed = table.dtype() == Dtype.FLOAT32 ? embedF32 : embedBf16;
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
        MethodHandle gather = x.dtype() == Dtype.FLOAT32 ? gatherF32 : gatherBf16;
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
        MethodHandle norm = out.dtype() == Dtype.FLOAT32 ? rmsNormF32 : rmsNormBf16;
        try {
            check((int) norm.invokeExact(
                    pool,
                    x.address(),
                    (long) x.stride(),
                    index,
                    weight,
                    eps,
                    out.address(),
                    (long) out.stride(),
                    (long) rows,
                    (long) width));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// `out[r, i] = silu(gateUp[r, i]) * gateUp[r, width + i]`.
    void siluMul(Rows gateUp, Rows out, int rows, int width) {
        MethodHandle siluMul = out.dtype() == Dtype.FLOAT32 ? siluMulF32 : siluMulBf16;
        try {
            check((int) siluMul.invokeExact(
                    pool,
                    gateUp.address(),
                    (long) gateUp.stride(),
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
        MethodHandle gemm = w.dtype() == Dtype.FLOAT32 ? gemmF32 : x.dtype() == Dtype.FLOAT32 ? gemmF32Bf16 : gemmBf16;
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

    /// Rotates queries and keys in `qkv` and writes keys and values of each token to its slot in the layer's cache.
    void ropeKv(Rows qkv, long rotation, long positions, long slots, long layer, KvLayout kv, int tokens) {
        MethodHandle ropeKv = kv.dtype() == Dtype.FLOAT32 ? ropeKvF32 : ropeKvBf16;
        try {
            check((int) ropeKv.invokeExact(
                    pool,
                    qkv.address(),
                    (long) qkv.stride(),
                    rotation,
                    positions,
                    slots,
                    layer,
                    (long) tokens,
                    (long) kv.headCount(),
                    (long) kv.kvHeadCount(),
                    (long) kv.headDim(),
                    (long) kv.blockSize()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Causal attention of every query in `q` over its sequence's keys and values in the layer's cache.
    void attention(Rows q, long layer, KvLayout kv, Slices slices, int sliceCount, Rows out) {
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
                    out.dtype() == Dtype.BFLOAT16 ? 1 : 0));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Rows of numbers, `stride` elements apart.
    record Rows(long address, int stride, Dtype dtype) {}

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

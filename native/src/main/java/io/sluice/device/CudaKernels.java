package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.device.Kernels.Rows;
import java.lang.foreign.MemoryLayout;
import java.lang.invoke.MethodHandle;

/// The CUDA kernels of `src/main/cuda`, queued on one device's stream. Arguments are addresses on the
/// device and sizes, checked by nobody: callers own the layouts, which `sluice_cuda.h` and the files beside
/// it define. Strides count elements. The device's thread only; hot path, no allocation.
///
/// Results do not depend on the other rows of a call, or on how prompts are sliced. Rows of one and of many
/// are multiplied by different kernels, which add up in different orders.
final class CudaKernels {
    private static final MemoryLayout P = JAVA_LONG; // pointers travel as numbers
    private static final MemoryLayout J = JAVA_LONG;
    private static final MemoryLayout I = JAVA_INT;

    /// Rows that `multiplyFew` takes.
    static final int FEW_ROWS = 16;

    /// No rows.
    static final Rows NOTHING = new Rows(0, 0, Format.FLOAT32);

    private final CudaLibrary library;
    private final CudaDevice device;
    private final MethodHandle packQ8;
    private final MethodHandle packQ4;
    private final MethodHandle narrow;
    private final MethodHandle copyBlocks;
    private final MethodHandle embed;
    private final MethodHandle rmsNorm;
    private final MethodHandle add;
    private final MethodHandle siluMul;
    private final MethodHandle feed;
    private final MethodHandle ropeKv;
    private final MethodHandle attentionPlain;
    private final MethodHandle attention;
    private final MethodHandle merge;
    private final MethodHandle multiplyPlain;
    private final MethodHandle multiplyFew;
    private final MethodHandle multiplyMany;
    private final MethodHandle sample;
    private final MethodHandle read;

    CudaKernels(CudaDevice device) {
        library = device.library();
        this.device = device;
        packQ8 = library.bind("sluice_cuda_pack_q8_0", P, P, P, J, P);
        packQ4 = library.bind("sluice_cuda_pack_q4", P, I, P, P, J, P);
        narrow = library.bind("sluice_cuda_narrow", P, P, J, P);
        copyBlocks = library.bind("sluice_cuda_copy_blocks", P, J, P, J, J, P, J, I, P);
        embed = library.bind("sluice_cuda_embed", P, P, P, J, J, P);
        rmsNorm = library.bind("sluice_cuda_rmsnorm", P, J, P, J, I, P, P, JAVA_FLOAT, P, J, I, J, J, P);
        add = library.bind("sluice_cuda_add", P, J, P, J, I, J, J, P);
        siluMul = library.bind("sluice_cuda_silu_mul", P, J, I, P, J, I, J, J, P);
        feed = library.bind("sluice_cuda_feed", P, P, P, J, P);
        ropeKv = library.bind("sluice_cuda_rope_kv", P, J, I, P, P, P, P, P, J, P);
        attentionPlain = library.bind("sluice_cuda_attention_plain", P, J, I, P, P, P, J, P, P, J, J, P, J, I, P);
        attention = library.bind("sluice_cuda_attention", P, J, I, P, P, P, J, P, P, J, P, P, J, P, P, J, I, P);
        merge = library.bind("sluice_cuda_merge", P, P, P, P, J, P, P, J, P, J, I, P);
        multiplyPlain = library.bind("sluice_cuda_multiply_plain", P, J, I, P, P, J, I, J, I, P);
        multiplyFew = library.bind("sluice_cuda_multiply_few", P, J, I, P, P, J, I, J, I, P);
        multiplyMany = library.bind("sluice_cuda_multiply_many", P, J, P, P, J, I, J, I, P);
        read = library.bind("sluice_cuda_read", P, J, P, J, P);
        sample = library.bind("sluice_cuda_sample", P, J, J, J, P, P, P, P, P, P, P, P, P, J, P, P);
    }

    /// Lays out blocks of 32 numbers as ggml's Q8_0 stores them.
    void packQ8(long stored, CudaMatrix matrix) {
        try {
            check("pack_q8_0", (int)
                    packQ8.invokeExact(stored, matrix.numbers(), matrix.scales(), blocks(matrix), device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Lays out blocks of 32 numbers as ggml's Q4_1 stores them, or Q4_0, which has no minimum.
    void packQ4(long stored, boolean withMinimum, CudaMatrix matrix) {
        try {
            check("pack_q4", (int) packQ4.invokeExact(
                    stored, withMinimum ? 1 : 0, matrix.numbers(), matrix.scales(), blocks(matrix), device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    private static long blocks(CudaMatrix matrix) {
        return (long) matrix.rows() * matrix.columns() / Format.BLOCK;
    }

    /// float32 to bfloat16.
    void narrow(long from, long to, long count) {
        try {
            check("narrow", (int) narrow.invokeExact(from, to, count, device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Copies `count` blocks of every layer between the cache and pinned host memory.
    ///
    /// @param pairs int `[copy, 2]`: device block, host block
    void copyBlocks(CudaKv.Cache cache, long host, long pairs, int count, boolean toHost) {
        try {
            check("copy_blocks", (int) copyBlocks.invokeExact(
                    cache.address(),
                    cache.layerBytes(),
                    host,
                    cache.blockBytes(),
                    (long) cache.layerCount(),
                    pairs,
                    (long) count,
                    toHost ? 1 : 0,
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// `out[r, :] = table[tokens[r], :]`, float32; zeros for what is no token.
    void embed(CudaMatrix table, long tokens, Rows out, int rows) {
        try {
            check("embed", (int) embed.invokeExact(
                    table.description(), tokens, out.address(), (long) out.stride(), (long) rows, device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// `x[f] += addend[f]`, unless that is `NOTHING`, then `out[r] = rmsNorm(x[f]) * weight`; `f` is `index[r]`, or `r`
    /// where `index` is 0.
    void rmsNorm(Rows x, Rows addend, long index, long weight, float eps, Rows out, int rows, int width) {
        try {
            check("rmsnorm", (int) rmsNorm.invokeExact(
                    x.address(),
                    (long) x.stride(),
                    addend.address(),
                    (long) addend.stride(),
                    addend.format().code(),
                    index,
                    weight,
                    eps,
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    (long) rows,
                    (long) width,
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// `x[r] += addend[r]`, `x` float32.
    void add(Rows x, Rows addend, int rows, int width) {
        try {
            check("add", (int) add.invokeExact(
                    x.address(),
                    (long) x.stride(),
                    addend.address(),
                    (long) addend.stride(),
                    addend.format().code(),
                    (long) rows,
                    (long) width,
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// `out[r, i] = silu(gateUp[r, i]) * gateUp[r, width + i]`.
    void siluMul(Rows gateUp, Rows out, int rows, int width) {
        try {
            check("silu_mul", (int) siluMul.invokeExact(
                    gateUp.address(),
                    (long) gateUp.stride(),
                    gateUp.format().code(),
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    (long) rows,
                    (long) width,
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// `tokens[i]` becomes the token that was sampled for row `fromRow[i]`, and stays as it is where that is below 0.
    void feed(long sampled, long fromRow, long tokens, int count) {
        try {
            check("feed", (int) feed.invokeExact(sampled, fromRow, tokens, (long) count, device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Rotates queries and keys in `qkv`; the queries stay, keys and values go to the token's slot. A slot
    /// below 0 is padding.
    void ropeKv(Rows qkv, long rotation, long positions, long slots, long layer, CudaKv kv, int tokens) {
        try {
            check("rope_kv", (int) ropeKv.invokeExact(
                    qkv.address(),
                    (long) qkv.stride(),
                    qkv.format().code(),
                    rotation,
                    positions,
                    slots,
                    layer,
                    kv.description(),
                    (long) tokens,
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Causal attention of every query, for any head size and cache format; slow.
    void attentionPlain(Rows q, long layer, CudaKv kv, CudaKv.Slices slices, int tokens, Rows out) {
        try {
            check("attention_plain", (int) attentionPlain.invokeExact(
                    q.address(),
                    (long) q.stride(),
                    q.format().code(),
                    layer,
                    kv.description(),
                    slices.blockTables(),
                    (long) slices.tableStride(),
                    slices.tokenStart(),
                    slices.firstPosition(),
                    (long) slices.count(),
                    (long) tokens,
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Causal attention on tensor cores, as the plan splits it up.
    void attention(Rows q, long layer, CudaKv kv, CudaKv.Slices slices, CudaKv.Work work, Rows out) {
        try {
            check("attention", (int) attention.invokeExact(
                    q.address(),
                    (long) q.stride(),
                    q.format().code(),
                    layer,
                    kv.description(),
                    slices.blockTables(),
                    (long) slices.tableStride(),
                    slices.tokenStart(),
                    slices.firstPosition(),
                    (long) slices.count(),
                    work.items(),
                    work.itemCount(),
                    (long) work.launchedItems(),
                    work.partials(),
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Puts together what `attention` left in parts.
    void merge(CudaKv kv, CudaKv.Slices slices, CudaKv.Work work, Rows out) {
        try {
            check("merge", (int) merge.invokeExact(
                    work.partials(),
                    kv.description(),
                    slices.tokenStart(),
                    slices.firstPosition(),
                    (long) slices.count(),
                    work.merges(),
                    work.mergeCount(),
                    (long) work.launchedMerges(),
                    out.address(),
                    (long) out.stride(),
                    out.format().code(),
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// `y = x w^T`, or `y += x w^T`, of float32 or bfloat16 rows, any number; slow.
    void multiplyPlain(Rows x, CudaMatrix w, Rows y, int rows, boolean accumulate) {
        multiply(multiplyPlain, "multiply_plain", x, w, y, rows, accumulate);
    }

    /// `y = x w^T`, or `y += x w^T`, of at most `FEW_ROWS` rows: of bfloat16 by bfloat16, or of bytes by quantised
    /// weights.
    void multiplyFew(Rows x, CudaMatrix w, Rows y, int rows, boolean accumulate) {
        multiply(multiplyFew, "multiply_few", x, w, y, rows, accumulate);
    }

    private void multiply(
            MethodHandle kernel, String name, Rows x, CudaMatrix w, Rows y, int rows, boolean accumulate) {
        try {
            check(name, (int) kernel.invokeExact(
                    x.address(),
                    (long) x.stride(),
                    x.format().code(),
                    w.description(),
                    y.address(),
                    (long) y.stride(),
                    y.format().code(),
                    (long) rows,
                    accumulate ? 1 : 0,
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// `y = x w^T`, or `y += x w^T`, of any number of rows of bfloat16, by weights of bfloat16 or quantised ones.
    void multiplyMany(Rows x, CudaMatrix w, Rows y, int rows, boolean accumulate) {
        try {
            check("multiply_many", (int) multiplyMany.invokeExact(
                    x.address(),
                    (long) x.stride(),
                    w.description(),
                    y.address(),
                    (long) y.stride(),
                    y.format().code(),
                    (long) rows,
                    accumulate ? 1 : 0,
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Chooses a token for each of `count` rows of logits.
    void sample(Rows logits, int vocabSize, int count, CudaSampling sampling) {
        try {
            check("sample", (int) sample.invokeExact(
                    logits.address(),
                    (long) logits.stride(),
                    (long) vocabSize,
                    (long) count,
                    sampling.rows(),
                    sampling.biasTokens(),
                    sampling.biases(),
                    sampling.maskedTokens(),
                    sampling.history(),
                    sampling.masks(),
                    sampling.changed(),
                    sampling.weights(),
                    sampling.counts(),
                    (long) sampling.blocks(),
                    sampling.sampled(),
                    device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Reads device memory and keeps nothing of it: how fast it comes at best.
    ///
    /// @param sink a word that is not used otherwise
    /// @param blocks of threads
    void read(long from, long bytes, long sink, int blocks) {
        try {
            check("read", (int) read.invokeExact(from, bytes, sink, (long) blocks, device.stream()));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    private void check(String kernel, int status) {
        library.check(kernel, status);
    }
}

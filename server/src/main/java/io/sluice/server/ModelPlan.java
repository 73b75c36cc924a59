package io.sluice.server;

import io.sluice.device.RunnerSettings;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import java.util.Locale;

/// Decides what the operator left open: how a model of this shape runs on this machine. A value.
///
/// @param kvBytesPerToken memory that one token's keys and values take
/// @param kvTakesWhatIsLeft on a GPU: the cache is at least what `runner` says, and as much more as there
/// is room for
record ModelPlan(RunnerSettings runner, long kvBytesPerToken, boolean kvTakesWhatIsLeft) {

    /// The automatic KV cache takes at most this part of the machine's memory, and at most `AUTO_BYTES_MAX`
    /// of it.
    private static final int AUTO_MEMORY_PART = 4;

    private static final long AUTO_BYTES_MAX = 1L << 30;

    /// The automatic room for parked sequences takes at most this part of the machine's memory.
    private static final int AUTO_PARK_PART = 8;

    /// @param preferred what the device would choose to compute in
    /// @param memoryBytes the machine's, or the container's, as far as this engine may count on it
    /// @param gpu the model runs on one, which has memory of its own
    static ModelPlan of(ServerSettings settings, ModelConfig model, Dtype preferred, long memoryBytes, boolean gpu) {
        Dtype dtype = dtype(settings.model().dtype(), preferred);
        Dtype kvDtype = dtype(settings.model().kvDtype(), dtype);
        int contextMax = contextMax(settings, model);
        // Keys and values, of each layer and each of its KV heads.
        long perToken = 2L * model.layerCount() * model.kvHeadCount() * model.headDim() * kvDtype.bytes();
        ServerSettings.Engine engine = settings.engine();
        long kvBytes = engine.kvCacheBytes()
                .map(bytes -> checkKvBytes(bytes, perToken, contextMax, engine.blockSize()))
                .orElseGet(() -> gpu
                        ? bytesFor(contextMax, perToken, engine.blockSize())
                        : autoKvBytes(perToken, contextMax, engine, memoryBytes));
        boolean takesWhatIsLeft = gpu && engine.kvCacheBytes().isEmpty();
        long parkBytes = memoryBytes / AUTO_PARK_PART;
        RunnerSettings runner = new RunnerSettings(
                dtype,
                kvDtype,
                kvBytes,
                engine.parkBytes().orElse(takesWhatIsLeft ? parkBytes : Math.min(kvBytes, parkBytes)),
                engine.blockSize(),
                contextMax,
                engine.sequencesMax(),
                engine.stepTokensMax(),
                keepsQuantised(settings, dtype),
                engine.deterministic(),
                gemm(settings),
                engine.threads().orElse(Runtime.getRuntime().availableProcessors()));
        return new ModelPlan(runner, perToken, takesWhatIsLeft);
    }

    private static Dtype dtype(String word, Dtype auto) {
        return switch (word) {
            case "float32" -> Dtype.FLOAT32;
            case "bfloat16" -> Dtype.BFLOAT16;
            default -> auto;
        };
    }

    private static Gemm gemm(ServerSettings settings) {
        return Gemm.valueOf(settings.engine().gemm().toUpperCase(Locale.ROOT));
    }

    private static boolean keepsQuantised(ServerSettings settings, Dtype dtype) {
        boolean canBeKept = dtype != Dtype.FLOAT32 && gemm(settings) != Gemm.LIBTORCH;
        return switch (settings.model().quantizedWeights()) {
            case "decode" -> false;
            case "keep" -> {
                if (canBeKept) yield true;
                throw new SettingsException("quantized-weights is keep, but "
                        + (dtype == Dtype.FLOAT32 ? "float32 is computed with" : "libtorch multiplies")
                        + " decoded weights: leave it out, or set "
                        + (dtype == Dtype.FLOAT32 ? "dtype to bfloat16" : "gemm to kernels"));
            }
            default -> canBeKept;
        };
    }

    private static int contextMax(ServerSettings settings, ModelConfig model) {
        int wanted = settings.model().contextMax().orElse(model.contextMax());
        if (wanted > model.contextMax()) {
            throw new SettingsException("max-model-len is " + wanted + ", but the model was trained for "
                    + model.contextMax() + " tokens: lower it, or leave it out");
        }
        return wanted;
    }

    private static long checkKvBytes(long bytes, long perToken, int contextMax, int blockSize) {
        long tokens = bytes / (perToken * blockSize) * blockSize;
        if (tokens >= contextMax) return bytes;
        throw new SettingsException("kv-cache-memory holds " + tokens + " tokens, fewer than one request of "
                + contextMax + " tokens may need (" + Amounts.bytes(bytesFor(contextMax, perToken, blockSize))
                + "): raise it" + (tokens == 0 ? "" : ", or set max-model-len to at most " + tokens));
    }

    private static long autoKvBytes(long perToken, int contextMax, ServerSettings.Engine engine, long memoryBytes) {
        long one = bytesFor(contextMax, perToken, engine.blockSize());
        long most = Math.min(AUTO_BYTES_MAX, memoryBytes / AUTO_MEMORY_PART);
        // At least one request of full length fits, or the limits would lie.
        return Math.max(one, Math.min(Math.multiplyExact(one, engine.sequencesMax()), most));
    }

    private static long bytesFor(int tokens, long perToken, int blockSize) {
        return Math.ceilDiv(tokens, blockSize) * (long) blockSize * perToken;
    }
}

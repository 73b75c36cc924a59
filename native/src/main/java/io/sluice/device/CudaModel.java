package io.sluice.device;

import io.sluice.batching.ModelLimits;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/// A model on a CUDA device, with all it needs but a cache: what is measured before a cache is made. One
/// runner owns and closes it; the device's thread.
final class CudaModel implements AutoCloseable {

    /// Blocks of threads of the attention kernel that a multiprocessor holds at once, by its registers.
    private static final int ATTENTION_BLOCKS = 2;

    /// Partial results for each block that the device holds at once: two, so that a step that needs cutting
    /// can be cut.
    private static final int PARTIALS = 2;

    private final Deque<AutoCloseable> resources = new ArrayDeque<>(); // last made first
    private final Arena descriptions = Arena.ofConfined(); // of what C structs describe
    private final ModelConfig config;
    private final RunnerSettings settings;
    private final ModelLimits limits; // but for the cache's blocks
    private final CudaDevice device;
    private final CudaKernels kernels;
    private final @Nullable CudaTorch torch;
    private final String whyNoTorch;
    private final CudaKv kv;
    private final int blocksWanted;
    private final int partialsMax;
    private final long weightBytes;
    private final CudaLlama graph;
    private final CudaSampling sampling;

    /// Where a model goes.
    ///
    /// @param torch who gives libtorch's products
    record Place(CudaLibrary library, CudaSettings settings, TorchDevice.Factory torch) {}

    /// Loads the model on the calling thread, which becomes the device's.
    ///
    /// @throws UnsupportedModel if the graph does not compute such a model
    /// @throws NotEnoughMemory if it does not fit beside the least cache
    /// @throws CudaFailed if the device cannot be used
    CudaModel(WeightFiles files, RunnerSettings settings, Place place) {
        this.settings = settings;
        config = files.config();
        refuseUnknown(config);
        resources.push(descriptions);
        try {
            device = own(new CudaDevice(place.library, place.settings.deviceIndex()));
            kernels = new CudaKernels(device);
            Torch opened = torch(settings, place.torch);
            torch = opened.products;
            whyNoTorch = opened.whyNot;
            if (torch != null) resources.push(torch);
            CudaProducts products = new CudaProducts(
                    kernels, settings.dtype(), settings.keepsQuantised(), settings.deterministic(), torch);
            kv = CudaKv.describe(
                    descriptions,
                    new KvLayout(
                            settings.kvDtype(),
                            config.headCount(),
                            config.kvHeadCount(),
                            config.headDim(),
                            settings.blockSize()));
            limits = DeviceMemory.limits(config, settings);
            int multiprocessors = device.facts().multiprocessors();
            blocksWanted = ATTENTION_BLOCKS * multiprocessors;
            partialsMax = PARTIALS * blocksWanted;
            weightBytes = CudaWeights.bytes(files, products);
            refuseTooMuch(place.settings, multiprocessors);
            CudaWeights weights = own(new CudaWeights(device, kernels, products, files));
            graph = own(new CudaLlama(
                    new CudaLlama.Parts(device, kernels, products, weights, kv), config, limits, partialsMax));
            sampling = own(new CudaSampling(device, limits));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /// What does anything in other ways than Llama is refused, not computed as if it did not.
    private static void refuseUnknown(ModelConfig config) {
        if (config.isLlama()) return;
        throw new UnsupportedModel("the CUDA kernels compute Llama and what is computed alike, and "
                + config.architecture() + " is not yet: serve it with --device cpu");
    }

    /// libtorch's products, or why there are none.
    private record Torch(@Nullable CudaTorch products, String whyNot) {}

    private Torch torch(RunnerSettings settings, TorchDevice.Factory factory) {
        boolean asked = settings.gemm() == Gemm.LIBTORCH;
        if (settings.gemm() == Gemm.KERNELS) return new Torch(null, "asked for");
        if (settings.deterministic()) {
            if (!asked) return new Torch(null, "they do not depend on the batch");
            throw new TorchFailed("gemm is libtorch, but its products depend on the batch, and deterministic is set:"
                    + " leave one of them out");
        }
        if (settings.dtype() != RunnerSettings.Dtype.BFLOAT16 && !asked) {
            return new Torch(null, "libtorch is for bfloat16");
        }
        if (config.hiddenSize() > 2 * config.intermediateSize()) {
            return new Torch(null, "the MLP is too narrow for libtorch's results to go between");
        }
        try {
            return new Torch(new CudaTorch(factory.open(device)), "");
        } catch (TorchFailed e) {
            if (asked) throw e;
            return new Torch(null, String.valueOf(e.getMessage()));
        }
    }

    private void refuseTooMuch(CudaSettings asked, int multiprocessors) {
        CudaDevice.Memory memory = device.memory();
        long fixedBytes = weightBytes
                + CudaLlama.bytes(config, limits, kv, partialsMax)
                + CudaStep.bytes(limits, itemsMax())
                + CudaSampling.bytes(limits, multiprocessors);
        long blocks = asked.takesWhatIsLeft() ? limits.sequenceBlocksMax() : limits.blockCount();
        new CudaBudget(memory.totalBytes(), asked.memoryShare())
                .refuseTooMuch(memory.freeBytes(), fixedBytes, blocks * DeviceMemory.blockBytes(config, settings));
    }

    private <T extends AutoCloseable> T own(T resource) {
        resources.push(resource);
        return resource;
    }

    private int itemsMax() {
        return AttentionPlan.itemsMax(limits.stepTokensMax(), partialsMax);
    }

    /// Plans for the device, with blocks as `forLimits` says. The caller closes it.
    CudaStep newStep(ModelLimits forLimits) {
        return new CudaStep(device, forLimits, new AttentionPlan(kv, blocksWanted, partialsMax), itemsMax());
    }

    /// A cache in memory of the caller's.
    CudaKv.Cache cache(CudaRegion memory, long blockCount) {
        long blockBytes = kv.layout().blockBytes();
        long layerBytes = blockBytes * blockCount;
        return new CudaKv.Cache(
                memory.take(layerBytes * config.layerCount()), layerBytes, blockBytes, config.layerCount());
    }

    /// Decides who multiplies many rows, once all kernels have run.
    CudaGemmChoice chooseGemm(CudaGemmChoice.Measurement measurement) {
        if (torch == null) return CudaGemmChoice.none(whyNoTorch);
        CudaGemmChoice choice = settings.gemm() == Gemm.LIBTORCH
                ? CudaGemmChoice.always(graph.matrices(), "asked for")
                : CudaGemmChoice.measured(graph.matrices(), limits.stepTokensMax(), measurement);
        torch.choose(choice);
        return choice;
    }

    /// Lets libtorch multiply all that it can, or nothing, while it is being measured.
    ///
    /// @return false if there is no libtorch
    boolean tryGemm(boolean libtorch) {
        if (torch == null) return false;
        torch.choose(libtorch ? CudaGemmChoice.always(graph.matrices(), "measured") : CudaGemmChoice.NONE);
        return true;
    }

    ModelConfig config() {
        return config;
    }

    RunnerSettings settings() {
        return settings;
    }

    /// What a step can have; the cache's blocks are those of the settings.
    ModelLimits limits() {
        return limits;
    }

    CudaDevice device() {
        return device;
    }

    CudaKernels kernels() {
        return kernels;
    }

    CudaLlama graph() {
        return graph;
    }

    CudaSampling sampling() {
        return sampling;
    }

    KvLayout kvLayout() {
        return kv.layout();
    }

    long weightBytes() {
        return weightBytes;
    }

    @Override
    public void close() {
        closeAll(resources);
    }

    /// Closes all, also if one of them fails, which is told then.
    static void closeAll(Deque<AutoCloseable> resources) {
        RuntimeException failure = null;
        while (!resources.isEmpty()) {
            try {
                resources.pop().close();
            } catch (Exception e) {
                if (failure != null) failure.addSuppressed(e);
                else failure = e instanceof RuntimeException known ? known : new IllegalStateException(e);
            }
        }
        if (failure != null) throw failure;
    }
}

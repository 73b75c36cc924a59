package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/// Runs a model on the CUDA kernels of one device. Steps in which every slice is a single token are recorded as graphs,
/// one per bucket, and replayed; tokens are sampled on the device. Hot path, no allocation but when a graph is
/// recorded. Engine thread only, which is the device's.
///
/// **Not yet run on a GPU**: it is tested on the kernels' emulation (docs/cuda.md), and `Device` does not choose it.
final class CudaRunner implements LogitsRunner {

    /// Blocks of threads of the attention kernel that a multiprocessor holds at once, by its registers.
    private static final int ATTENTION_BLOCKS = 2;

    /// Partial results for each block that the device holds at once: two, so that a step that needs cutting can be cut.
    private static final int PARTIALS = 2;

    private final Arena descriptions = Arena.ofConfined(); // of what C structs describe
    private final CudaDevice device;
    private final CudaKernels kernels;
    private final ModelLimits limits;
    private final Deque<AutoCloseable> resources; // last made first
    private final CudaStep step;
    private final CudaLlama graph;
    private final CudaKv.Cache cache;
    private final @Nullable MemorySegment parked;
    private final CudaSampling sampling;
    private final DecodeBuckets buckets;
    private final StepResult result;
    private final InFlightStep inFlight = this::await;
    private final CudaDevice.@Nullable Graph[] recorded; // [bucket size]
    private final boolean[] seen; // [bucket size]: has run once, so its kernels are loaded
    private StepPlan plan;
    private @Nullable Throwable failure; // of what was launched

    /// Loads the model on the calling thread, which becomes the runner's.
    ///
    /// @param deviceIndex as CUDA counts them
    /// @param memoryShare of the device's memory that may be used, above 0 and at most 1
    /// @throws NotEnoughMemory if model and cache do not fit
    /// @throws CudaFailed if the device cannot be used
    /// @throws ModelFileException if the model does anything in other ways than Llama
    static CudaRunner open(
            WeightFiles files, RunnerSettings settings, CudaLibrary library, int deviceIndex, double memoryShare) {
        if (!files.config().isLlama()) {
            throw new ModelFileException(
                    files.path(),
                    files.config().architecture() + " is not computed on CUDA devices yet, which know Llama alone:"
                            + " serve it on the CPU");
        }
        Deque<AutoCloseable> resources = new ArrayDeque<>();
        try {
            CudaDevice device = new CudaDevice(library, deviceIndex);
            resources.push(device);
            return new CudaRunner(files, settings, device, memoryShare, resources);
        } catch (RuntimeException | Error e) {
            closeAll(resources);
            throw e;
        }
    }

    private CudaRunner(
            WeightFiles files,
            RunnerSettings settings,
            CudaDevice device,
            double memoryShare,
            Deque<AutoCloseable> resources) {
        this.device = device;
        this.resources = resources;
        ModelConfig config = files.config();
        kernels = new CudaKernels(device);
        CudaProducts products =
                new CudaProducts(kernels, settings.dtype(), settings.keepsQuantised(), settings.deterministic());
        resources.push(descriptions);
        KvLayout layout = new KvLayout(
                settings.kvDtype(), config.headCount(), config.kvHeadCount(), config.headDim(), settings.blockSize());
        CudaKv kv = CudaKv.describe(descriptions, layout);
        limits = DeviceMemory.limits(config, settings);

        int multiprocessors = device.facts().multiprocessors();
        int blocksWanted = ATTENTION_BLOCKS * multiprocessors;
        int partialsMax = PARTIALS * blocksWanted;
        int itemsMax = AttentionPlan.itemsMax(limits.stepTokensMax(), partialsMax);
        CudaDevice.Memory memory = device.memory();
        long fixedBytes = CudaWeights.bytes(files, products)
                + CudaLlama.bytes(config, limits, kv, partialsMax)
                + CudaStep.bytes(limits, itemsMax)
                + CudaSampling.bytes(limits, multiprocessors);
        long kvBytes = layout.blockBytes() * config.layerCount() * limits.blockCount();
        new CudaBudget(memory.totalBytes(), memory.freeBytes(), memoryShare).refuseTooMuch(fixedBytes, kvBytes);

        CudaWeights weights = own(new CudaWeights(device, kernels, products, files));
        CudaRegion cacheMemory = own(new CudaRegion(device, kvBytes));
        long layerBytes = layout.blockBytes() * limits.blockCount();
        cache = new CudaKv.Cache(cacheMemory.take(kvBytes), layerBytes, layout.blockBytes(), config.layerCount());
        parked = limits.hostBlockCount() == 0
                ? null
                : device.allocPinned(layout.blockBytes() * config.layerCount() * limits.hostBlockCount());
        if (parked != null) resources.push(() -> device.freePinned(parked));
        step = own(new CudaStep(device, limits, new AttentionPlan(kv, blocksWanted, partialsMax), itemsMax));
        graph = own(new CudaLlama(
                new CudaLlama.Parts(device, kernels, products, weights, kv, cache, step), config, limits, partialsMax));
        sampling = own(new CudaSampling(device, limits));
        buckets = new DecodeBuckets(limits.sequencesMax());
        result = new StepResult(limits.sequencesMax());
        plan = new StepPlan(limits);
        recorded = new CudaDevice.Graph[limits.sequencesMax() + 1];
        seen = new boolean[limits.sequencesMax() + 1];
        resources.push(this::closeGraphs);
    }

    private <T extends AutoCloseable> T own(T resource) {
        resources.push(resource);
        return resource;
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    /// Queues the step and returns; what goes wrong here is told by `await`.
    @Override
    public InFlightStep launch(StepPlan next) {
        plan = next;
        failure = null;
        try {
            copyBlocks(next);
            if (next.sliceCount() > 0) queue(next);
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        return inFlight;
    }

    private void queue(StepPlan next) {
        if (next.tokenCount() > next.sliceCount()) {
            int samples = step.fill(next, next.tokenCount(), next.sliceCount());
            describeSamples(next, samples);
            graph.computeHidden(next.tokenCount(), next.sliceCount());
            if (samples > 0) sample(samples);
            return;
        }
        int size = buckets.sizeFor(next.sliceCount());
        step.fill(next, size, size);
        describeSamples(next, size);
        CudaDevice.Graph replayed = recorded[size];
        if (replayed == null && seen[size]) {
            replayed = device.capture(() -> decode(size));
            recorded[size] = replayed;
        }
        seen[size] = true;
        if (replayed != null) device.launch(replayed);
        else decode(size);
    }

    private void decode(int size) {
        graph.computeHidden(size, size);
        sample(size);
    }

    private void sample(int count) {
        graph.computeLogits(count);
        kernels.sample(graph.logits(), limits.vocabSize(), count, sampling);
    }

    /// Rows beyond those that sample are greedy, and nobody reads what they give.
    private void describeSamples(StepPlan next, int count) {
        int row = 0;
        for (int slice = 0; slice < next.sliceCount(); slice++) {
            if (next.samples(slice)) sampling.put(row++, next, slice);
        }
        for (; row < count; row++) sampling.putNothing(row);
    }

    private StepResult await() {
        try {
            device.await(); // also after a failure: what was queued reads memory that the next plan is written to
            if (failure != null) throw failure;
            int row = 0;
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (plan.samples(slice)) sampling.get(row++, slice, result);
            }
            return result;
        } catch (CudaFailed e) {
            throw new DeviceLost("the CUDA device can compute no more: " + e.getMessage(), e);
        } catch (Throwable e) {
            throw StepErrors.meaning("the CUDA kernels", e);
        }
    }

    /// First all copies out, then all copies in: what one sequence gives up can be filled for another.
    private void copyBlocks(StepPlan next) {
        if (parked == null || next.copiesOutCount() + next.copiesInCount() == 0) return;
        step.fillCopies(next);
        kernels.copyBlocks(cache, parked.address(), step.copiesOut(), next.copiesOutCount(), true);
        kernels.copyBlocks(cache, parked.address(), step.copiesIn(), next.copiesInCount(), false);
    }

    @Override
    public void computeLogits(StepPlan next, MemorySegment target) {
        copyBlocks(next);
        step.fill(next, next.tokenCount(), next.sliceCount());
        graph.computeHidden(next.tokenCount(), next.sliceCount());
        int vocab = limits.vocabSize();
        Kernels.Rows rows = graph.logits();
        long rowBytes = (long) rows.stride() * Float.BYTES;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(limits.sequencesMax() * rowBytes, Float.BYTES);
            for (int first = 0; first < next.tokenCount(); first += limits.sequencesMax()) {
                int count = Math.min(limits.sequencesMax(), next.tokenCount() - first);
                device.await(); // the plan's memory is written again
                for (int i = 0; i < count; i++) step.sampleRow(i, first + i);
                step.upload();
                graph.computeLogits(count);
                device.copy(copy.address(), rows.address(), count * rowBytes);
                device.await();
                for (int i = 0; i < count; i++) {
                    long at = (long) (first + i) * vocab * Float.BYTES;
                    MemorySegment.copy(copy, JAVA_FLOAT, i * rowBytes, target, JAVA_FLOAT, at, vocab);
                }
            }
        }
    }

    /// Graphs that were recorded so far.
    int recordedGraphs() {
        int count = 0;
        for (CudaDevice.Graph each : recorded) {
            if (each != null) count++;
        }
        return count;
    }

    private void closeGraphs() {
        for (CudaDevice.Graph each : recorded) {
            if (each != null) device.close(each);
        }
    }

    @Override
    public void close() {
        if (resources.isEmpty()) return; // closed before
        try {
            device.await();
        } finally {
            closeAll(resources);
        }
    }

    /// Closes all, also if one of them fails, which is told then.
    private static void closeAll(Deque<AutoCloseable> resources) {
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

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;

/// Runs a model on the CPU kernels. A sequence's tokens do not depend on its batch, on chunking or on the number of
/// threads, in any number format. Hot path, no allocation. Engine thread only.
final class FastRunner implements LogitsRunner {
    private final ModelConfig config;
    private final ModelLimits limits;
    private final Deque<Runnable> resources; // what closes them, last made first
    private final StepBuffers buffers;
    private final FastLlama graph;
    private final Sampler sampler;
    private final StepResult result;
    private final MemorySegment[] logits; // [sampling slice] float [vocab]
    private final InFlightStep inFlight = this::await;
    private StepPlan plan;

    /// What a model needs on this path.
    ///
    /// @param activations what enters a product: the weights' type where the processor multiplies it, else float32
    record Sizes(ModelLimits limits, KvLayout kv, Dtype activations, long weightBytes, long kvBytes, long bufferBytes) {
        static Sizes of(ModelConfig config, RunnerSettings settings, InstructionSet set) {
            ModelLimits limits = DeviceMemory.limits(config, settings);
            KvLayout kv = new KvLayout(
                    settings.kvDtype(),
                    config.headCount(),
                    config.kvHeadCount(),
                    config.headDim(),
                    settings.blockSize());
            Dtype activations = set.multipliesBf16() ? settings.dtype() : Dtype.FLOAT32;
            return new Sizes(
                    limits,
                    kv,
                    activations,
                    PackedWeights.bytes(config, settings.dtype()),
                    kv.blockBytes() * limits.blockCount() * config.layerCount(),
                    StepBuffers.bytes(config, limits, kv, activations));
        }
    }

    /// Loads the model on the calling thread, which becomes the runner's.
    ///
    /// @throws NotEnoughMemory if model and cache do not fit
    static FastRunner open(WeightFiles files, RunnerSettings settings, KernelLibrary library, InstructionSet set) {
        Sizes sizes = Sizes.of(files.config(), settings, set);
        DeviceMemory.refuseTooMuch(
                sizes.weightBytes, sizes.kvBytes, sizes.bufferBytes, new MachineMemory(Path.of("/")).availableBytes());
        Deque<Runnable> resources = new ArrayDeque<>();
        try {
            return new FastRunner(files, settings, sizes, library, set, resources);
        } catch (RuntimeException | Error e) {
            closeAll(resources);
            throw e;
        }
    }

    private FastRunner(
            WeightFiles files,
            RunnerSettings settings,
            Sizes sizes,
            KernelLibrary library,
            InstructionSet set,
            Deque<Runnable> resources) {
        this.resources = resources;
        config = files.config();
        limits = sizes.limits;
        Kernels kernels = new Kernels(library, set, settings.threads());
        resources.push(kernels::close);
        PackedWeights weights = PackedWeights.load(files, settings.dtype(), kernels);
        resources.push(weights::close);
        KvCache cache = new KvCache(kernels, sizes.kv, config.layerCount(), limits.blockCount());
        resources.push(cache::close);
        buffers = new StepBuffers(kernels, config, limits, sizes.kv, sizes.activations);
        resources.push(buffers::close);
        graph = new FastLlama(kernels, config, weights, cache, buffers, limits.contextMax());
        resources.push(graph::close);
        sampler = new Sampler(limits.vocabSize());
        result = new StepResult(limits.sequencesMax());
        plan = new StepPlan(limits);
        logits = new MemorySegment[limits.sequencesMax()];
        for (int i = 0; i < logits.length; i++) logits[i] = buffers.logitsRow(i, limits.vocabSize());
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    /// Nothing runs ahead on a CPU: the step is computed when its result is awaited.
    @Override
    public InFlightStep launch(StepPlan step) {
        plan = step;
        return inFlight;
    }

    private StepResult await() {
        try {
            return compute();
        } catch (RuntimeException e) {
            throw new StepFailed("the CPU kernels could not compute a step: " + e.getMessage(), e);
        }
    }

    private StepResult compute() {
        computeHidden(plan);
        int count = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            if (plan.samples(slice)) buffers.sampleRow(count++, plan.tokenStart(slice + 1) - 1);
        }
        if (count > 0) {
            graph.computeLogits(count);
            sample();
        }
        return result;
    }

    private void sample() {
        int row = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            if (plan.samples(slice)) sampler.sample(plan, slice, logits[row++], result);
        }
    }

    private void computeHidden(StepPlan step) {
        buffers.fill(step);
        graph.computeHidden(step.tokenCount(), step.sliceCount());
    }

    @Override
    public void computeLogits(StepPlan step, MemorySegment target) {
        computeHidden(step);
        int vocab = limits.vocabSize();
        for (int first = 0; first < step.tokenCount(); first += logits.length) {
            int count = Math.min(logits.length, step.tokenCount() - first);
            for (int i = 0; i < count; i++) buffers.sampleRow(i, first + i);
            graph.computeLogits(count);
            for (int i = 0; i < count; i++) {
                long at = (long) (first + i) * vocab;
                MemorySegment.copy(logits[i], JAVA_FLOAT, 0, target, JAVA_FLOAT, at * Float.BYTES, vocab);
            }
        }
    }

    @Override
    public void close() {
        closeAll(resources);
    }

    private static void closeAll(Deque<Runnable> resources) {
        while (!resources.isEmpty()) resources.pop().run();
    }
}

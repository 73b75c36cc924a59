package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.PromptEmbedding;
import io.sluice.batching.PromptLogprobs;
import io.sluice.batching.PromptReport;
import io.sluice.batching.SpeculationSettings;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;

/// Runs a model on the CPU kernels, or with libtorch's products between them. A sequence's tokens do not depend on its
/// batch or on chunking, but with libtorch's products in bfloat16 when nobody asked for `deterministic`; with our own
/// not on the number of threads either. Hot path, no allocation. Engine thread only.
final class FastRunner implements LogitsRunner {
    private final ModelLimits limits;
    private final GemmChoice choice;
    private final Sizes sizes;
    private final Deque<Runnable> resources; // what closes them, last made first
    private final KvCache cache;
    private final StepBuffers buffers;
    private final FastDecoder graph;
    private final Sampler sampler;
    private final StepResult result;
    private final MemorySegment[] logits; // [row] float [vocab]
    private final int[] sampled; // [row, 2]: slice and sample that the row of the logits is for
    private final InFlightStep inFlight = this::await;
    private StepPlan plan;

    /// What a model needs on this path.
    record Sizes(ModelLimits limits, KvLayout kv, long weightBytes, long kvBytes, long parkBytes, long bufferBytes) {
        private static Sizes of(WeightFiles files, ModelLimits limits, RunnerSettings settings, Products products) {
            ModelConfig config = files.config();
            KvLayout kv = new KvLayout(
                    settings.kvDtype(),
                    config.headCount(),
                    config.kvHeadCount(),
                    config.headDim(),
                    settings.blockSize());
            return new Sizes(
                    limits,
                    kv,
                    PackedWeights.bytes(files, products),
                    KvCache.bytes(kv, config.layerCount(), limits),
                    KvCache.hostBytes(kv, config.layerCount(), limits),
                    StepBuffers.bytes(config, limits, products) + products.scratchBytes());
        }
    }

    /// Loads the model on the calling thread, which becomes the runner's.
    ///
    /// @throws NotEnoughMemory if model and cache do not fit
    /// @throws TorchFailed if libtorch was asked for and cannot be loaded
    static FastRunner open(WeightFiles files, RunnerSettings settings, KernelLibrary library, InstructionSet set) {
        ModelLimits limits = DeviceMemory.limits(files.config(), settings);
        Deque<Runnable> resources = new ArrayDeque<>();
        try {
            Kernels kernels = new Kernels(library, set, settings.threads());
            resources.push(kernels::close);
            FusedWeights.Matrix matrix = new FusedWeights(files).layer(0).down();
            boolean quantised = GemmChoice.own(settings, kernels).format(matrix).isQuantised();
            GemmChoice.Opened gemm = GemmChoice.of(settings, quantised, library.supportsAmx())
                    .open(settings, kernels, StepBuffers.outputsMax(files.config(), limits));
            resources.push(gemm.products()::close);
            return new FastRunner(files, limits, settings, kernels, gemm, resources);
        } catch (RuntimeException | Error e) {
            closeAll(resources);
            throw e;
        }
    }

    private FastRunner(
            WeightFiles files,
            ModelLimits limits,
            RunnerSettings settings,
            Kernels kernels,
            GemmChoice.Opened gemm,
            Deque<Runnable> resources) {
        this.resources = resources;
        this.limits = limits;
        ModelConfig config = files.config();
        Products products = gemm.products();
        choice = gemm.choice();
        sizes = Sizes.of(files, limits, settings, products);
        DeviceMemory.refuseTooMuch(
                sizes.weightBytes,
                sizes.kvBytes,
                sizes.parkBytes,
                sizes.bufferBytes,
                new MachineMemory(Path.of("/")).availableBytes());
        PackedWeights weights = PackedWeights.load(files, products, kernels);
        resources.push(weights::close);
        cache = new KvCache(kernels, sizes.kv, config.layerCount(), limits);
        resources.push(cache::close);
        buffers = new StepBuffers(kernels, config, limits, sizes.kv, products);
        resources.push(buffers::close);
        graph = new FastDecoder(kernels, config, weights, cache, buffers, limits.contextMax());
        resources.push(graph::close);
        sampler = new Sampler(limits.vocabSize());
        result = new StepResult(limits.sequencesMax(), proposedMax());
        plan = new StepPlan(limits);
        logits = new MemorySegment[limits.sequencesMax()];
        sampled = new int[2 * limits.sequencesMax()];
        for (int i = 0; i < logits.length; i++) logits[i] = buffers.logitsRow(i, limits.vocabSize());
    }

    /// What was allocated.
    Sizes sizes() {
        return sizes;
    }

    /// Who multiplies.
    GemmChoice gemm() {
        return choice;
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public int proposedMax() {
        return SpeculationSettings.TOKENS_MAX;
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
        } catch (Throwable e) {
            throw StepErrors.meaning("the CPU kernels", e);
        }
    }

    private StepResult compute() {
        computeHidden(plan);
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            PromptReport report = plan.report(slice);
            if (report != null) report(slice, report);
        }
        sampleAll();
        return result;
    }

    /// As many rows at a time as logits have room. Rows after a guess that was wrong are computed for nothing if they
    /// come with it, else not at all.
    private void sampleAll() {
        int count = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            for (int sample = 0; sample < plan.sampleCount(slice); sample++) {
                boolean isOpen = count > 0 && sampled[2 * count - 2] == slice; // its samples before are not chosen yet
                if (!isOpen && !result.isWanted(plan, slice, sample)) break;
                sampled[2 * count] = slice;
                sampled[2 * count + 1] = sample;
                buffers.sampleRow(count++, plan.sampleToken(slice, sample));
                if (count < logits.length) continue;
                sample(count);
                count = 0;
            }
        }
        if (count > 0) sample(count);
    }

    private void sample(int count) {
        graph.computeLogits(count);
        graph.findLargest(count);
        for (int row = 0; row < count; row++) {
            int slice = sampled[2 * row];
            int sample = sampled[2 * row + 1];
            if (!result.isWanted(plan, slice, sample)) continue;
            if (!Sampler.takesLargest(plan.sampling(slice))) {
                sampler.sample(plan, slice, sample, logits[row], result);
            } else if (plan.isConstrained(slice)) {
                Sampler.takeLargestAllowed(plan, slice, sample, logits[row], result);
            } else {
                result.put(slice, sample, buffers.largest(row), 0f);
            }
        }
    }

    /// Tells what the slice's hidden states say of its prompt, as many rows at a time as logits have room.
    private void report(int slice, PromptReport report) {
        int start = plan.tokenStart(slice);
        int length = plan.length(slice);
        for (int first = 0; first < length; first += logits.length) {
            int count = Math.min(logits.length, length - first);
            for (int i = 0; i < count; i++) buffers.sampleRow(i, start + first + i);
            switch (report) {
                case PromptLogprobs logprobs -> {
                    graph.computeLogits(count);
                    for (int i = 0; i < count; i++) sampler.report(plan, slice, first + i, logits[i], logprobs);
                }
                case PromptEmbedding embedding -> {
                    graph.computeFinal(count);
                    for (int i = 0; i < count; i++) {
                        int position = plan.firstPosition(slice) + first + i;
                        FinalStates.tell(embedding, position, buffers.finalRow(i), buffers.hiddenSize());
                    }
                }
            }
        }
    }

    private void computeHidden(StepPlan step) {
        cache.copyBlocks(step);
        buffers.fill(step);
        if (step.sliceCount() > 0) graph.computeHidden(step.tokenCount(), step.sliceCount());
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

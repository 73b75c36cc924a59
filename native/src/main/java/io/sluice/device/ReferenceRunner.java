package io.sluice.device;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.PromptEmbedding;
import io.sluice.batching.PromptLogprobs;
import io.sluice.batching.PromptReport;
import io.sluice.batching.SpeculationSettings;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFiles;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/// Runs a model on the reference path: float32 whatever the settings ask for, and slow, but needing nothing
/// beyond DJL. A request's tokens do not depend on its batch or on chunking (`ReferenceDecoder` says how).
/// Engine thread only.
final class ReferenceRunner implements LogitsRunner {
    private final ModelLimits limits;
    private final DecodedWeights weights;
    private final ReferenceDecoder graph;
    private final Sampler sampler;
    private final StepResult result;

    private ReferenceRunner(Torch torch, ModelConfig config, ModelLimits limits, DecodedWeights weights) {
        this.limits = limits;
        this.weights = weights;
        graph = new ReferenceDecoder(torch, config, weights, limits);
        sampler = new Sampler(config.vocabSize());
        result = new StepResult(limits.sequencesMax(), proposedMax());
    }

    /// Loads the model on the calling thread, which becomes the runner's.
    ///
    /// @throws NotEnoughMemory if model and cache do not fit
    /// @throws TorchFailed if libtorch cannot be loaded
    static ReferenceRunner open(ModelFiles model, RunnerSettings settings) {
        return open(new WeightFiles(model.path(), model.config(), model::tensor), settings);
    }

    static ReferenceRunner open(WeightFiles files, RunnerSettings settings) {
        RunnerSettings inFloat32 = inFloat32(settings);
        ModelConfig config = files.config();
        ModelLimits limits = DeviceMemory.limits(config, inFloat32);
        DeviceMemory.refuseTooMuch(
                DecodedWeights.bytes(files, Dtype.FLOAT32),
                limits.blockCount() * DeviceMemory.blockBytes(config, inFloat32),
                limits.hostBlockCount() * DeviceMemory.blockBytes(config, inFloat32),
                stepBytes(config, limits),
                new MachineMemory(Path.of("/")).availableBytes());
        Torch torch = Torch.start(settings.threads());
        Torch.prepareThread();
        DecodedWeights weights = DecodedWeights.load(files, Dtype.FLOAT32, settings.threads());
        try {
            return new ReferenceRunner(torch, config, limits, weights);
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public int proposedMax() {
        return SpeculationSettings.TOKENS_MAX;
    }

    /// Nothing runs ahead here: the step is computed when its result is awaited.
    @Override
    public InFlightStep launch(StepPlan plan) {
        return () -> {
            try {
                return compute(plan);
            } catch (Throwable e) {
                throw StepErrors.meaning("the reference path", e);
            }
        };
    }

    @Override
    public void computeLogits(StepPlan plan, MemorySegment logits) {
        graph.copyBlocks(plan);
        try (NDManager step = graph.newStep()) {
            logits.copyFrom(Tensor.memoryOf(graph.logits(graph.forward(plan, step))));
        }
    }

    @Override
    public void close() {
        graph.close();
        weights.close();
    }

    private StepResult compute(StepPlan plan) {
        graph.copyBlocks(plan);
        if (plan.sliceCount() == 0) return result;
        try (NDManager step = graph.newStep()) {
            NDArray hidden = graph.forward(plan, step);
            report(plan, hidden, step);
            List<Sampled> samples = samples(plan);
            for (int first = 0; first < samples.size(); first += limits.sequencesMax()) {
                int end = Math.min(samples.size(), first + limits.sequencesMax());
                sample(plan, samples.subList(first, end), hidden, step);
            }
        }
        return result;
    }

    private void sample(StepPlan plan, List<Sampled> samples, NDArray hidden, NDManager step) {
        int[] rows = samples.stream()
                .mapToInt(each -> plan.sampleToken(each.slice, each.sample))
                .toArray();
        try (NDArray computed = graph.logits(hidden.get(step.create(rows)))) {
            MemorySegment logits = Tensor.memoryOf(computed);
            long rowBytes = 4L * limits.vocabSize();
            for (int row = 0; row < rows.length; row++) {
                Sampled each = samples.get(row);
                if (!result.isWanted(plan, each.slice, each.sample)) continue;
                sampler.sample(plan, each.slice, each.sample, logits.asSlice(row * rowBytes, rowBytes), result);
            }
        }
    }

    private void report(StepPlan plan, NDArray hidden, NDManager step) {
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            PromptReport report = plan.report(slice);
            if (report == null) continue;
            for (int first = 0; first < plan.length(slice); first += limits.sequencesMax()) {
                int count = Math.min(limits.sequencesMax(), plan.length(slice) - first);
                int start = plan.tokenStart(slice) + first;
                NDArray rows = hidden.get(
                        step.create(IntStream.range(start, start + count).toArray()));
                tell(plan, slice, first, rows, report);
            }
        }
    }

    /// @param rows hidden states of the slice's tokens from `first` on
    private void tell(StepPlan plan, int slice, int first, NDArray rows, PromptReport report) {
        int count = Math.toIntExact(rows.getShape().get(0));
        boolean isEmbedding = report instanceof PromptEmbedding;
        try (NDArray computed = isEmbedding ? graph.finals(rows) : graph.logits(rows)) {
            MemorySegment memory = Tensor.memoryOf(computed);
            int width = Math.toIntExact(computed.getShape().get(1));
            for (int i = 0; i < count; i++) {
                MemorySegment row = memory.asSlice(4L * i * width, 4L * width);
                switch (report) {
                    case PromptLogprobs logprobs -> sampler.report(plan, slice, first + i, row, logprobs);
                    case PromptEmbedding embedding ->
                        FinalStates.tell(embedding, plan.firstPosition(slice) + first + i, row, width);
                }
            }
        }
    }

    /// One sample that the plan asks for at most.
    private record Sampled(int slice, int sample) {}

    private static List<Sampled> samples(StepPlan plan) {
        return IntStream.range(0, plan.sliceCount())
                .boxed()
                .flatMap(slice ->
                        IntStream.range(0, plan.sampleCount(slice)).mapToObj(sample -> new Sampled(slice, sample)))
                .toList();
    }

    private static RunnerSettings inFloat32(RunnerSettings settings) {
        return new RunnerSettings(
                Dtype.FLOAT32,
                Dtype.FLOAT32,
                settings.kvCacheBytes(),
                settings.parkBytes(),
                settings.blockSize(),
                settings.contextMax(),
                settings.sequencesMax(),
                settings.stepTokensMax(),
                false,
                settings.deterministic(),
                settings.gemm(),
                settings.threads());
    }

    /// An upper estimate of a step's temporary arrays: those of one layer, logits twice (tiles, then joined), one
    /// sequence's keys and values.
    private static long stepBytes(ModelConfig config, ModelLimits limits) {
        long attentionWidth = (config.headCount() + 2L * config.kvHeadCount()) * config.headDim();
        long tokenNumbers = 16L * config.hiddenSize() + 8 * attentionWidth + 6L * config.intermediateSize();
        long logits = 2L * limits.sequencesMax() * limits.vocabSize();
        long sequence = 4L * limits.contextMax() * config.kvHeadCount() * config.headDim();
        return 4 * (limits.stepTokensMax() * tokenNumbers + logits + sequence);
    }
}

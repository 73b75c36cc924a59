package io.sluice.demomodel;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Moves the weights towards the training text, a step at a time. The thread that loaded the engine only: gradient
/// mode belongs to a thread.
final class LlamaTraining {
    static final int BATCHES_PER_STEP = 4; // of different lengths, so that a step sees every kind of text
    private static final double WARMUP_SHARE = 0.04;
    private static final double FINAL_SHARE = 0.02; // of the learning rate

    /// One step's result.
    ///
    /// @param loss mean negative log-likelihood of the learned tokens, in nats
    /// @param gradientLength before clipping
    /// @param tokenCount computed, padding included
    record Step(double loss, double gradientLength, long tokenCount) {}

    private final NDManager memory;
    private final LlamaGraph graph;
    private final Batches batches;
    private final AdamW optimizer;
    private final double learningRateMax;
    private final int stepCount;
    private int stepsDone;

    LlamaTraining(
            NDManager memory,
            LlamaWeights weights,
            LlamaGraph graph,
            Batches batches,
            double learningRateMax,
            int stepCount) {
        this.memory = memory;
        this.graph = graph;
        this.batches = batches;
        this.optimizer = new AdamW(memory, weights.byName().values());
        this.learningRateMax = learningRateMax;
        this.stepCount = stepCount;
    }

    Step step() {
        List<Batches.Batch> parts =
                Stream.generate(batches::next).limit(BATCHES_PER_STEP).toList();
        int learned = parts.stream().mapToInt(part -> part.next().length).sum();
        double loss = 0;
        for (Batches.Batch part : parts) {
            loss += learn(part, learned);
        }
        double gradientLength = optimizer.step(learningRate());
        stepsDone++;
        return new Step(
                loss,
                gradientLength,
                parts.stream().mapToLong(part -> part.ids().length).sum());
    }

    /// Rises in a line, then falls as half a cosine.
    private double learningRate() {
        double warmup = stepCount * WARMUP_SHARE;
        if (stepsDone < warmup) {
            return learningRateMax * (stepsDone + 1) / warmup;
        }
        double done = (stepsDone - warmup) / (stepCount - warmup);
        double cosine = (1 + Math.cos(Math.PI * done)) / 2;
        return learningRateMax * (FINAL_SHARE + (1 - FINAL_SHARE) * cosine);
    }

    /// Adds this batch's part of the step's gradient.
    private double learn(Batches.Batch batch, int learnedInStep) {
        try (var scope = new NDScope();
                GradientCollector gradients = Engine.getInstance().newGradientCollector()) {
            scope.suppressNotUsedWarning();
            NDArray count = memory.create((float) learnedInStep); // must outlive the backward pass, see LlamaGraph
            NDArray loss = lossSum(memory, graph, batch).div(count);
            gradients.backward(loss);
            return loss.getFloat();
        }
    }

    /// Mean loss of texts that are not learned from.
    static double loss(NDManager memory, LlamaGraph graph, List<Batches.Batch> batches) {
        double sum = 0;
        long count = 0;
        for (Batches.Batch batch : batches) {
            try (var scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                sum += lossSum(memory, graph, batch).getFloat();
                count += batch.next().length;
            }
        }
        return sum / count;
    }

    private static NDArray lossSum(NDManager memory, LlamaGraph graph, Batches.Batch batch) {
        NDArray ids = indices(memory, batch.ids()).reshape(batch.rows(), batch.length());
        NDArray hidden = LlamaGraph.rows(graph.hidden(ids), indices(memory, batch.from()));
        NDArray next = indices(memory, batch.next()).expandDims(1);
        return graph.logits(hidden).logSoftmax(-1).gather(next, 1).sum().neg();
    }

    static NDArray indices(NDManager memory, int[] values) {
        return memory.create(IntStream.of(values).asLongStream().toArray(), new Shape(values.length))
                .toType(DataType.INT64, false);
    }
}

package io.sluice.demomodel;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.Activation;
import io.sluice.modelstore.ModelConfig;

/// The Llama forward pass in operations that the engine can differentiate. Every call leaves its arrays to the
/// caller's `NDScope`. The trainer's thread only.
///
/// Constants are arrays that live as long as this object. An operation with a Java number would make one for itself,
/// in Java memory, and drop it before the backward pass reads it.
///
/// Rotary embedding in Hugging Face's convention: dimension `i` turns together with `i + headDim / 2`.
final class LlamaGraph {
    private static final float MASKED = -1e9f;

    private final LlamaWeights weights;
    private final ModelConfig config;
    private final NDArray cosines; // [context, 1, headDim / 2]
    private final NDArray sines; // [context, 1, headDim / 2]
    private final NDArray scoreScale; // [], 1 / sqrt(headDim)
    private final NDArray epsilon; // []
    private final NDArray futureMask; // [context, context], 0 where a row may look, MASKED elsewhere

    LlamaGraph(NDManager memory, LlamaWeights weights) {
        this.weights = weights;
        this.config = weights.config;
        int context = config.contextMax();
        int half = config.headDim() / 2;
        var cos = new float[context * half];
        var sin = new float[context * half];
        for (int position = 0; position < context; position++) {
            for (int i = 0; i < half; i++) {
                double angle = position * Math.pow(config.ropeTheta(), -(double) i / half);
                cos[position * half + i] = (float) Math.cos(angle);
                sin[position * half + i] = (float) Math.sin(angle);
            }
        }
        this.cosines = memory.create(cos, new Shape(context, 1, half));
        this.sines = memory.create(sin, new Shape(context, 1, half));
        this.scoreScale = memory.create((float) (1 / Math.sqrt(config.headDim())));
        this.epsilon = memory.create(config.rmsNormEps());
        NDArray positions = memory.arange(context);
        this.futureMask = positions
                .reshape(1, context)
                .gt(positions.reshape(context, 1))
                .toType(DataType.FLOAT32, true)
                .mul(MASKED);
    }

    /// The residual stream after the last norm.
    ///
    /// @param ids `[batch, length]`, every row from position 0
    /// @return `[batch * length, hidden]`
    NDArray hidden(NDArray ids) {
        long batch = ids.getShape().get(0);
        int length = (int) ids.getShape().get(1);
        NDArray x = rows(weights.embedding, ids.reshape(batch * length));
        for (LlamaWeights.Layer layer : weights.layers) {
            x = x.add(attention(layer, norm(x, layer.inputNorm()), batch, length));
            x = x.add(feedForward(layer, norm(x, layer.feedForwardNorm())));
        }
        return norm(x, weights.finalNorm);
    }

    /// Scores of the whole vocabulary: `[n, vocab]` of `[n, hidden]`.
    NDArray logits(NDArray hidden) {
        return linear(hidden, weights.embedding);
    }

    /// Rows of a matrix by index, differentiable in the matrix.
    static NDArray rows(NDArray matrix, NDArray indices) {
        return matrix.getNDArrayInternal()
                .embedding(indices, matrix, SparseFormat.DENSE)
                .singletonOrThrow();
    }

    private NDArray attention(LlamaWeights.Layer layer, NDArray x, long batch, int length) {
        int heads = config.headCount();
        int kvHeads = config.kvHeadCount();
        int group = heads / kvHeads;
        int dim = config.headDim();
        NDArray q = rotate(linear(x, layer.query()).reshape(batch, length, heads, dim), length)
                .reshape(batch, length, kvHeads, group, dim)
                .transpose(0, 2, 3, 1, 4)
                .reshape(batch * kvHeads, (long) group * length, dim);
        NDArray k = rotate(linear(x, layer.key()).reshape(batch, length, kvHeads, dim), length)
                .transpose(0, 2, 3, 1)
                .reshape(batch * kvHeads, dim, length);
        NDArray v = linear(x, layer.value())
                .reshape(batch, length, kvHeads, dim)
                .transpose(0, 2, 1, 3)
                .reshape(batch * kvHeads, length, dim);
        NDArray scores = q.mul(scoreScale)
                .batchMatMul(k)
                .reshape(batch * heads, length, length)
                .add(futureMask.get(new NDIndex(":{}, :{}", length, length)));
        NDArray mixed = scores.softmax(-1)
                .reshape(batch * kvHeads, (long) group * length, length)
                .batchMatMul(v)
                .reshape(batch, kvHeads, group, length, dim)
                .transpose(0, 3, 1, 2, 4)
                .reshape(batch * length, (long) heads * dim);
        return linear(mixed, layer.output());
    }

    private NDArray rotate(NDArray x, int length) {
        NDList halves = x.split(2, x.getShape().dimension() - 1);
        NDArray first = halves.get(0);
        NDArray second = halves.get(1);
        NDArray cos = cosines.get(new NDIndex(":{}", length));
        NDArray sin = sines.get(new NDIndex(":{}", length));
        NDArray turnedFirst = first.mul(cos).sub(second.mul(sin));
        NDArray turnedSecond = second.mul(cos).add(first.mul(sin));
        return NDArrays.concat(
                new NDList(turnedFirst, turnedSecond), x.getShape().dimension() - 1);
    }

    private static NDArray feedForward(LlamaWeights.Layer layer, NDArray x) {
        NDArray gate = linear(x, layer.gate());
        NDArray silu = gate.mul(Activation.sigmoid(gate));
        return linear(silu.mul(linear(x, layer.up())), layer.down());
    }

    private NDArray norm(NDArray x, NDArray scale) {
        NDArray meanSquare = x.square().mean(new int[] {-1}, true);
        return x.div(meanSquare.add(epsilon).sqrt()).mul(scale);
    }

    private static NDArray linear(NDArray x, NDArray weight) {
        return x.matMul(weight.transpose());
    }
}

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import io.sluice.modelstore.DecoderTraits;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The gated MLP of a layer of the reference path, or its choice of several. Computes tiles of 16 rows.
/// Engine thread only.
final class ReferenceMlp {
    private static final int TILE = RowTiles.ROWS;

    /// Matrices as [inputs, outputs] views.
    private record Mlp(NDArray gateUp, NDArray down) {}

    private final ModelConfig config;
    private final @Nullable NDArray router; // [hidden, experts]
    private final List<Mlp> mlps = new ArrayList<>(); // one, or all experts

    /// @param manager owns the arrays, which are the weights' memory
    ReferenceMlp(NDManager manager, ModelConfig config, DecodedWeights.Layer layer) {
        this.config = config;
        Tensor routing = layer.router();
        router = routing == null ? null : routing.toNDArray(manager).transpose();
        for (DecodedWeights.Mlp mlp : layer.mlps()) {
            mlps.add(new Mlp(
                    mlp.gateUp().toNDArray(manager).transpose(),
                    mlp.down().toNDArray(manager).transpose()));
        }
    }

    /// What a tile of normed rows, [16, hidden], becomes.
    NDArray compute(NDArray x) {
        return router == null ? gated(x, mlps.getFirst()) : experts(x, x.matMul(router));
    }

    /// SwiGLU and GeGLU, arXiv 2002.05202.
    private NDArray gated(NDArray x, Mlp weights) {
        NDArray gateUp = x.matMul(weights.gateUp);
        NDArray gate = ReferenceDecoder.columns(gateUp, 0, config.intermediateSize());
        NDArray up = ReferenceDecoder.columns(gateUp, config.intermediateSize(), 2L * config.intermediateSize());
        NDArray activated = switch (config.traits().activation()) {
            case SILU -> Activation.swish(gate, 1f);
            case GELU_TANH -> geluTanh(gate);
        };
        return activated.mul(up).matMul(weights.down);
    }

    private static NDArray geluTanh(NDArray x) {
        NDArray cubed = x.mul(x).mul(x);
        NDArray u = x.add(cubed.mul(0.044715f)).mul((float) Math.sqrt(2 / Math.PI));
        return x.mul(0.5f).mul(u.tanh().add(1f));
    }

    /// The sum of what a row's experts give, by their shares. An expert computes the whole tile; rows that
    /// did not take it leave its result out.
    private NDArray experts(NDArray x, NDArray logits) {
        DecoderTraits.Experts kinds = config.traits().experts().orElseThrow();
        NDManager scope = x.getManager();
        Kernels.Rows routed = new Kernels.Rows(Tensor.memoryOf(logits).address(), kinds.count(), Format.FLOAT32);
        long choices = (long) TILE * kinds.perToken();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rows = arena.allocate(JAVA_INT, choices);
            MemorySegment shares = arena.allocate(JAVA_FLOAT, choices);
            ExpertChoice choice = new ExpertChoice(kinds, routed, TILE, rows, shares);
            choice.choose(TILE);
            NDArray sum = x.zerosLike();
            for (int expert = 0; expert < mlps.size(); expert++) {
                int count = choice.count(expert);
                if (count == 0) continue;
                boolean[] takes = new boolean[TILE];
                float[] share = new float[TILE];
                for (int i = 0; i < count; i++) {
                    int row = Region.view(choice.rows(expert), 4L * count).getAtIndex(JAVA_INT, i);
                    takes[row] = true;
                    share[row] = Region.view(choice.weights(expert), 4L * count).getAtIndex(JAVA_FLOAT, i);
                }
                NDArray given = gated(x, mlps.get(expert)).mul(scope.create(share, new Shape(TILE, 1)));
                NDArray taking = scope.create(takes, new Shape(TILE, 1)).broadcast(sum.getShape());
                sum = NDArrays.where(taking, sum.add(given), sum);
            }
            return sum;
        }
    }
}

package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The weights of a model, decoded into memory of their own. Matrices are `[outputs, inputs]`, as in the
/// files; those that multiply the same input lie one under the other, so that one product computes them.
/// Never written after `load`. One runner owns and closes it.
final class DecodedWeights implements AutoCloseable {

    /// One transformer layer; vectors are float32. What is null the model does not have.
    record Layer(
            Tensor attentionNorm, // [hidden]
            Tensor queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: all queries, then keys, then values
            @Nullable Tensor bias, // [(heads + 2 kvHeads) headDim]
            @Nullable Tensor queryNorm, // [headDim]
            @Nullable Tensor keyNorm, // [headDim]
            Tensor attentionOutput, // [hidden, heads headDim]
            @Nullable Tensor attentionPostNorm, // [hidden]
            Tensor mlpNorm, // [hidden]
            @Nullable Tensor router, // [experts, hidden]
            List<Mlp> mlps, // one, or all experts
            @Nullable Tensor mlpPostNorm) {} // [hidden]

    /// A gated MLP, or one expert.
    record Mlp(
            Tensor gateUp, // [2 intermediate, hidden]: the gate, then what it gates
            Tensor down) {} // [hidden, intermediate]

    private final Dtype dtype;
    private final WeightReader reader = new WeightReader();
    private final List<Tensor> owned = new ArrayList<>();

    private final Tensor embedding; // [vocab, hidden]
    private final List<Layer> layers = new ArrayList<>();
    private final Tensor finalNorm; // [hidden], float32
    private final Tensor head; // [vocab, hidden]; the embedding itself if tied

    /// Reads all weights with this many threads; matrices become `dtype`, norms float32.
    ///
    /// @throws ModelFileException if a tensor is missing or of another shape, before anything is read
    static DecodedWeights load(WeightFiles files, Dtype dtype, int threads) {
        return new DecodedWeights(files, dtype, threads);
    }

    private DecodedWeights(WeightFiles files, Dtype dtype, int threads) {
        this.dtype = dtype;
        FusedWeights fused = new FusedWeights(files);
        ModelConfig config = files.config();
        try {
            embedding = matrix(fused.embedding());
            for (int i = 0; i < config.layerCount(); i++) layers.add(layer(fused.layer(i)));
            finalNorm = vector(fused.finalNorm());
            head = config.tiedHead() ? embedding : matrix(fused.head());
            reader.readAll(threads);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /// Memory that the weights of such a model take.
    static long bytes(WeightFiles files, Dtype dtype) {
        FusedWeights fused = new FusedWeights(files);
        ModelConfig config = files.config();
        long vectors = fused.finalNorm().columns();
        long matrices = numbers(fused.embedding()) + (config.tiedHead() ? 0 : numbers(fused.head()));
        for (int i = 0; i < config.layerCount(); i++) {
            FusedWeights.Layer layer = fused.layer(i);
            for (WeightTensor vector : layer.vectors()) vectors += vector.columns();
            for (FusedWeights.Matrix matrix : layer.matrices()) matrices += numbers(matrix);
        }
        return matrices * dtype.bytes() + vectors * Dtype.FLOAT32.bytes();
    }

    private static long numbers(FusedWeights.Matrix matrix) {
        return (long) matrix.rows() * matrix.columns();
    }

    Tensor embedding() {
        return embedding;
    }

    List<Layer> layers() {
        return layers;
    }

    Tensor finalNorm() {
        return finalNorm;
    }

    Tensor head() {
        return head;
    }

    @Override
    public void close() {
        owned.forEach(Tensor::close);
        owned.clear();
    }

    private Layer layer(FusedWeights.Layer fused) {
        List<Mlp> mlps = new ArrayList<>();
        for (FusedWeights.Mlp mlp : fused.mlps()) mlps.add(new Mlp(matrix(mlp.gateUp()), matrix(mlp.down())));
        FusedWeights.Matrix router = fused.router();
        return new Layer(
                vector(fused.attentionNorm()),
                matrix(fused.queriesKeysValues()),
                vectorOrNull(fused.headTerms().bias()),
                vectorOrNull(fused.headTerms().queryNorm()),
                vectorOrNull(fused.headTerms().keyNorm()),
                matrix(fused.attentionOutput()),
                vectorOrNull(fused.attentionPostNorm()),
                vector(fused.mlpNorm()),
                router == null ? null : matrix(router),
                List.copyOf(mlps),
                vectorOrNull(fused.mlpPostNorm()));
    }

    private @Nullable Tensor vectorOrNull(@Nullable WeightTensor tensor) {
        return tensor == null ? null : vector(tensor);
    }

    private Tensor matrix(FusedWeights.Matrix fused) {
        Tensor matrix = own(Tensor.empty(dtype, fused.rows(), fused.columns()));
        MemorySegment memory = matrix.memory();
        long start = 0;
        for (WeightTensor part : fused.parts()) {
            long bytes = (long) part.rows() * part.columns() * dtype.bytes();
            reader.add(part, dtype, memory.asSlice(start, bytes));
            start += bytes;
        }
        return matrix;
    }

    private Tensor vector(WeightTensor tensor) {
        Tensor vector = own(Tensor.empty(Dtype.FLOAT32, tensor.columns()));
        reader.add(tensor, Dtype.FLOAT32, vector.memory());
        return vector;
    }

    private Tensor own(Tensor tensor) {
        owned.add(tensor);
        return tensor;
    }
}

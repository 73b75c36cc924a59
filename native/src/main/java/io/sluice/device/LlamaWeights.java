package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The weights of a Llama-family model, decoded into memory of their own. Matrices are `[outputs, inputs]`, as in the
/// files; those that multiply the same input lie one under the other, so that one product computes them. Never
/// written after `load`. One runner owns and closes it.
final class LlamaWeights implements AutoCloseable {

    /// One transformer layer.
    record Layer(
            Tensor attentionNorm, // [hidden], float32
            Tensor queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: all queries, then keys, then values
            Tensor attentionOutput, // [hidden, heads headDim]
            Tensor mlpNorm, // [hidden], float32
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
    static LlamaWeights load(WeightFiles files, Dtype dtype, int threads) {
        return new LlamaWeights(files, dtype, threads);
    }

    private LlamaWeights(WeightFiles files, Dtype dtype, int threads) {
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
    static long bytes(ModelConfig config, Dtype dtype) {
        long hidden = config.hiddenSize();
        long attentionRows = (config.headCount() + 2L * config.kvHeadCount()) * config.headDim();
        long attentionOutput = hidden * config.headCount() * config.headDim();
        long layer = attentionRows * hidden + attentionOutput + 3 * hidden * config.intermediateSize();
        long vocabularies = (config.tiedHead() ? 1 : 2) * hidden * config.vocabSize();
        long norms = (2L * config.layerCount() + 1) * hidden;
        return (config.layerCount() * layer + vocabularies) * dtype.bytes() + norms * Dtype.FLOAT32.bytes();
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
        return new Layer(
                vector(fused.attentionNorm()),
                matrix(fused.queriesKeysValues()),
                matrix(fused.attentionOutput()),
                vector(fused.mlpNorm()),
                matrix(fused.gateUp()),
                matrix(fused.down()));
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

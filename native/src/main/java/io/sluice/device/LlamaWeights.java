package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

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
    private final Function<String, WeightTensor> files;
    private final WeightReader reader;
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
        this.reader = new WeightReader(files.path());
        this.files = files.tensors();
        this.dtype = dtype;
        ModelConfig config = files.config();
        try {
            int hidden = config.hiddenSize();
            embedding = matrix(hidden, part("model.embed_tokens", config.vocabSize()));
            for (int i = 0; i < config.layerCount(); i++) layers.add(layer("model.layers." + i + ".", config));
            finalNorm = vector("model.norm", hidden);
            head = config.tiedHead() ? embedding : matrix(hidden, part("lm_head", config.vocabSize()));
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

    private Layer layer(String prefix, ModelConfig config) {
        int hidden = config.hiddenSize();
        int queryWidth = config.headCount() * config.headDim();
        int keyWidth = config.kvHeadCount() * config.headDim();
        int intermediate = config.intermediateSize();
        return new Layer(
                vector(prefix + "input_layernorm", hidden),
                matrix(
                        hidden,
                        part(prefix + "self_attn.q_proj", queryWidth),
                        part(prefix + "self_attn.k_proj", keyWidth),
                        part(prefix + "self_attn.v_proj", keyWidth)),
                matrix(queryWidth, part(prefix + "self_attn.o_proj", hidden)),
                vector(prefix + "post_attention_layernorm", hidden),
                matrix(
                        hidden,
                        part(prefix + "mlp.gate_proj", intermediate),
                        part(prefix + "mlp.up_proj", intermediate)),
                matrix(intermediate, part(prefix + "mlp.down_proj", hidden)));
    }

    /// Rows of a fused matrix that come from one tensor of the files.
    private record Part(String name, int rows) {}

    private static Part part(String name, int rows) {
        return new Part(name + ".weight", rows);
    }

    private Tensor matrix(int columns, Part... parts) {
        long rows = 0;
        for (Part part : parts) rows += part.rows;
        Tensor matrix = own(Tensor.empty(dtype, rows, columns));
        MemorySegment memory = matrix.memory();
        long start = 0;
        for (Part part : parts) {
            long bytes = (long) part.rows * columns * dtype.bytes();
            reader.add(files.apply(part.name), part.rows, columns, dtype, memory.asSlice(start, bytes));
            start += bytes;
        }
        return matrix;
    }

    private Tensor vector(String name, int length) {
        Tensor vector = own(Tensor.empty(Dtype.FLOAT32, length));
        reader.add(files.apply(name + ".weight"), 1, length, Dtype.FLOAT32, vector.memory());
        return vector;
    }

    private Tensor own(Tensor tensor) {
        owned.add(tensor);
        return tensor;
    }
}

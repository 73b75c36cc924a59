package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The weights of a Llama-family model in the order that its products want, decoded and packed by all processors at
/// once. Matrices
/// that multiply the same input are one matrix, so that one product computes them. Never written after `load`. One
/// runner owns and closes it.
final class PackedWeights implements AutoCloseable {

    /// One transformer layer. Norms are addresses of float32 vectors.
    record Layer(
            long attentionNorm, // [hidden]
            Products.Matrix queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: queries, then keys, then values
            Products.Matrix attentionOutput, // [hidden, heads headDim]
            long mlpNorm, // [hidden]
            Products.Matrix gateUp, // [2 intermediate, hidden]: the gate, then what it gates
            Products.Matrix down) {} // [hidden, intermediate]

    /// Rows that a matrix is given at once, and that one task gives it: enough to be worth a task, little enough to
    /// share a matrix out.
    private static final int PUT_ROWS = 16;

    private static final int TASK_ROWS = 16 * PUT_ROWS;

    private final WeightFiles files;
    private final Products products;
    private final Region memory;
    private final List<Runnable> tasks = new ArrayList<>();

    private final Products.Matrix embedding; // [vocab, hidden]
    private final List<Layer> layers = new ArrayList<>();
    private final long finalNorm; // [hidden]
    private final Products.Matrix head; // [vocab, hidden]; the embedding itself if tied

    /// @throws ModelFileException if a tensor is missing or of another shape, before anything is read
    static PackedWeights load(WeightFiles files, Products products, Kernels kernels) {
        PackedWeights weights = new PackedWeights(files, products, kernels);
        try {
            weights.tasks.parallelStream().forEach(Runnable::run);
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
        weights.tasks.clear();
        return weights;
    }

    private PackedWeights(WeightFiles files, Products products, Kernels kernels) {
        this.files = files;
        this.products = products;
        ModelConfig config = files.config();
        memory = new Region(kernels, bytes(config, products));
        try {
            int hidden = config.hiddenSize();
            embedding = matrix(hidden, part("model.embed_tokens", config.vocabSize()));
            for (int i = 0; i < config.layerCount(); i++) layers.add(layer("model.layers." + i + ".", config));
            finalNorm = vector("model.norm", hidden);
            head = config.tiedHead() ? embedding : matrix(hidden, part("lm_head", config.vocabSize()));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /// Memory that the weights of such a model take.
    static long bytes(ModelConfig config, Products products) {
        int hidden = config.hiddenSize();
        int queryWidth = config.headCount() * config.headDim();
        long vector = Region.aligned((long) hidden * Float.BYTES);
        long layer = 2 * vector
                + matrixBytes(queryWidth + 2 * config.kvHeadCount() * config.headDim(), hidden, products)
                + matrixBytes(hidden, queryWidth, products)
                + matrixBytes(2 * config.intermediateSize(), hidden, products)
                + matrixBytes(hidden, config.intermediateSize(), products);
        long vocabularies = (config.tiedHead() ? 1 : 2) * matrixBytes(config.vocabSize(), hidden, products);
        return config.layerCount() * layer + vocabularies + vector;
    }

    Products.Matrix embedding() {
        return embedding;
    }

    List<Layer> layers() {
        return layers;
    }

    long finalNorm() {
        return finalNorm;
    }

    Products.Matrix head() {
        return head;
    }

    @Override
    public void close() {
        memory.close();
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

    private long vector(String name, int length) {
        WeightTensor tensor = tensor(part(name, 1), length);
        long address = memory.take((long) length * Float.BYTES);
        tasks.add(() -> tensor.readRows(0, 1, Region.view(address, (long) length * Float.BYTES)));
        return address;
    }

    private Products.Matrix matrix(int columns, Part... parts) {
        List<WeightTensor> tensors = new ArrayList<>();
        int rows = 0;
        for (Part part : parts) {
            tensors.add(tensor(part, columns));
            rows += part.rows;
        }
        long address = memory.take(products.bytes(rows, columns));
        Products.Matrix matrix = products.matrix(address, rows, columns);
        for (int first = 0; first < rows; first += TASK_ROWS) {
            int from = first;
            int to = Math.min(first + TASK_ROWS, rows);
            tasks.add(() -> put(matrix, columns, tensors, from, to));
        }
        return matrix;
    }

    private static long matrixBytes(int rows, int columns, Products products) {
        return Region.aligned(products.bytes(rows, columns));
    }

    /// Rows `[from, to)` of the fused matrix, from the tensors that hold them.
    private static void put(Products.Matrix matrix, int columns, List<WeightTensor> tensors, int from, int to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rows = arena.allocate(JAVA_FLOAT, (long) PUT_ROWS * columns);
            for (int first = from; first < to; first += PUT_ROWS) {
                int end = Math.min(first + PUT_ROWS, to);
                readRows(tensors, columns, first, end, rows);
                matrix.put(first, end - first, rows);
            }
        }
    }

    private static void readRows(List<WeightTensor> tensors, int columns, int first, int end, MemorySegment rows) {
        long rowBytes = (long) columns * Float.BYTES;
        int tensorStart = 0; // the fused matrix's row that the tensor begins with
        for (WeightTensor tensor : tensors) {
            int from = Math.max(first, tensorStart);
            int to = Math.min(end, tensorStart + tensor.rows());
            if (from < to) {
                MemorySegment target = rows.asSlice((from - first) * rowBytes, (to - from) * rowBytes);
                tensor.readRows(from - tensorStart, to - from, target);
            }
            tensorStart += tensor.rows();
        }
    }

    private WeightTensor tensor(Part part, int columns) {
        WeightTensor tensor = files.tensors().apply(part.name);
        if (tensor.rows() != part.rows || tensor.columns() != columns) {
            throw new ModelFileException(
                    files.path(),
                    "tensor %s is %d x %d, but the model's configuration makes it %d x %d"
                            .formatted(part.name, tensor.rows(), tensor.columns(), part.rows, columns));
        }
        return tensor;
    }
}

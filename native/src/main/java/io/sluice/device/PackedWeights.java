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
/// once. Never written after `load`. One runner owns and closes it.
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
        this.products = products;
        FusedWeights fused = new FusedWeights(files);
        ModelConfig config = files.config();
        memory = new Region(kernels, bytes(config, products));
        try {
            embedding = matrix(fused.embedding());
            for (int i = 0; i < config.layerCount(); i++) layers.add(layer(fused.layer(i)));
            finalNorm = vector(fused.finalNorm());
            head = config.tiedHead() ? embedding : matrix(fused.head());
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

    private Layer layer(FusedWeights.Layer fused) {
        return new Layer(
                vector(fused.attentionNorm()),
                matrix(fused.queriesKeysValues()),
                matrix(fused.attentionOutput()),
                vector(fused.mlpNorm()),
                matrix(fused.gateUp()),
                matrix(fused.down()));
    }

    private long vector(WeightTensor tensor) {
        long bytes = (long) tensor.columns() * Float.BYTES;
        long address = memory.take(bytes);
        tasks.add(() -> tensor.readRows(0, 1, Region.view(address, bytes)));
        return address;
    }

    private Products.Matrix matrix(FusedWeights.Matrix fused) {
        int rows = fused.rows();
        int columns = fused.columns();
        long address = memory.take(products.bytes(rows, columns));
        Products.Matrix matrix = products.matrix(address, rows, columns);
        for (int first = 0; first < rows; first += TASK_ROWS) {
            int from = first;
            int to = Math.min(first + TASK_ROWS, rows);
            tasks.add(() -> put(matrix, fused, from, to));
        }
        return matrix;
    }

    private static long matrixBytes(int rows, int columns, Products products) {
        return Region.aligned(products.bytes(rows, columns));
    }

    /// Rows `[from, to)` of the fused matrix, from the tensors that hold them.
    private static void put(Products.Matrix matrix, FusedWeights.Matrix fused, int from, int to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rows = arena.allocate(JAVA_FLOAT, (long) PUT_ROWS * fused.columns());
            for (int first = from; first < to; first += PUT_ROWS) {
                int end = Math.min(first + PUT_ROWS, to);
                fused.readRows(first, end, rows);
                matrix.put(first, end - first, rows);
            }
        }
    }
}

package io.sluice.device;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
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

    /// Rows that one task stores: enough to be worth a task, little enough to share a matrix out; whole panels.
    private static final int TASK_ROWS = 256;

    private final Products products;
    private final Region memory;
    private final List<Runnable> tasks = new ArrayList<>();
    private final List<FusedWeights.Matrix> read = new ArrayList<>();

    private final Products.Matrix embedding; // [vocab, hidden]
    private final List<Layer> layers = new ArrayList<>();
    private final long finalNorm; // [hidden]
    private final Products.Matrix head; // [vocab, hidden]; the embedding itself if tied

    /// @throws ModelFileException if a tensor is missing or of another shape, before anything is read
    static PackedWeights load(WeightFiles files, Products products, Kernels kernels) {
        PackedWeights weights = new PackedWeights(files, products, kernels);
        try {
            weights.tasks.parallelStream().forEach(Runnable::run);
            weights.read.forEach(matrix -> matrix.stored().forEach(kernels::forget));
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
        weights.tasks.clear();
        weights.read.clear();
        return weights;
    }

    private PackedWeights(WeightFiles files, Products products, Kernels kernels) {
        this.products = products;
        FusedWeights fused = new FusedWeights(files);
        ModelConfig config = files.config();
        memory = new Region(kernels, bytes(files, products));
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
    static long bytes(WeightFiles files, Products products) {
        FusedWeights fused = new FusedWeights(files);
        ModelConfig config = files.config();
        long vector = Region.aligned((long) config.hiddenSize() * Float.BYTES);
        long bytes = vector + matrixBytes(fused.embedding(), products);
        for (int i = 0; i < config.layerCount(); i++) {
            FusedWeights.Layer layer = fused.layer(i);
            bytes += 2 * vector
                    + matrixBytes(layer.queriesKeysValues(), products)
                    + matrixBytes(layer.attentionOutput(), products)
                    + matrixBytes(layer.gateUp(), products)
                    + matrixBytes(layer.down(), products);
        }
        return config.tiedHead() ? bytes : bytes + matrixBytes(fused.head(), products);
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
        read.add(fused);
        Format format = products.format(fused);
        long address = memory.take(products.bytes(fused.rows(), fused.columns(), format));
        Products.Matrix matrix = products.matrix(address, fused.rows(), fused.columns(), format);
        for (int first = 0; first < fused.rows(); first += TASK_ROWS) {
            int from = first;
            int to = Math.min(first + TASK_ROWS, fused.rows());
            tasks.add(() -> matrix.put(fused, from, to));
        }
        return matrix;
    }

    private static long matrixBytes(FusedWeights.Matrix fused, Products products) {
        return Region.aligned(products.bytes(fused.rows(), fused.columns(), products.format(fused)));
    }
}

package io.sluice.device;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The weights of a model in the order that its products want, decoded and packed by all processors at
/// once. Never written after `load`. One runner owns and closes it.
final class PackedWeights implements AutoCloseable {

    /// One transformer layer. Vectors are addresses of float32 numbers, 0 if the model does not have them.
    record Layer(
            long attentionNorm, // [hidden]
            Products.Matrix queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: queries, then keys, then values
            long bias, // [(heads + 2 kvHeads) headDim]
            long queryNorm, // [headDim]
            long keyNorm, // [headDim]
            Products.Matrix attentionOutput, // [hidden, heads headDim]
            long attentionPostNorm, // [hidden]
            long mlpNorm, // [hidden]
            Products.@Nullable Matrix router, // [experts, hidden]
            List<Mlp> mlps, // one, or all experts
            long mlpPostNorm) {} // [hidden]

    /// A gated MLP, or one expert.
    record Mlp(
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
        long bytes = vectorBytes(fused.finalNorm()) + matrixBytes(fused.embedding(), products);
        for (int i = 0; i < config.layerCount(); i++) {
            FusedWeights.Layer layer = fused.layer(i);
            for (WeightTensor vector : layer.vectors()) bytes += vectorBytes(vector);
            for (FusedWeights.Matrix matrix : layer.matrices()) bytes += matrixBytes(matrix, products);
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
        List<Mlp> mlps = new ArrayList<>();
        for (FusedWeights.Mlp mlp : fused.mlps()) mlps.add(new Mlp(matrix(mlp.gateUp()), matrix(mlp.down())));
        FusedWeights.Matrix router = fused.router();
        return new Layer(
                vector(fused.attentionNorm()),
                matrix(fused.queriesKeysValues()),
                vector(fused.headTerms().bias()),
                vector(fused.headTerms().queryNorm()),
                vector(fused.headTerms().keyNorm()),
                matrix(fused.attentionOutput()),
                vector(fused.attentionPostNorm()),
                vector(fused.mlpNorm()),
                router == null ? null : matrix(router),
                List.copyOf(mlps),
                vector(fused.mlpPostNorm()));
    }

    private long vector(@Nullable WeightTensor tensor) {
        if (tensor == null) return 0;
        long bytes = (long) tensor.columns() * Float.BYTES;
        long address = memory.take(bytes);
        tasks.add(() -> tensor.readRows(0, 1, Region.view(address, bytes)));
        return address;
    }

    private static long vectorBytes(WeightTensor tensor) {
        return Region.aligned((long) tensor.columns() * Float.BYTES);
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

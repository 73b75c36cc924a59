package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The weights of a Llama-family model in the kernels' order, decoded and packed by all processors at once. Matrices
/// that multiply the same input are one matrix, so that one product computes them. Never written after `load`. One
/// runner owns and closes it.
final class PackedWeights implements AutoCloseable {

    /// One transformer layer. Norms are addresses of float32 vectors.
    record Layer(
            long attentionNorm, // [hidden]
            PackedMatrix queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: queries, then keys, then values
            PackedMatrix attentionOutput, // [hidden, heads headDim]
            long mlpNorm, // [hidden]
            PackedMatrix gateUp, // [2 intermediate, hidden]: the gate, then what it gates
            PackedMatrix down) {} // [hidden, intermediate]

    /// Panels that one task packs: enough to be worth a task, little enough to share a matrix out.
    private static final int TASK_PANELS = 16;

    private final WeightFiles files;
    private final Dtype dtype;
    private final Kernels kernels;
    private final Region memory;
    private final List<Runnable> tasks = new ArrayList<>();

    private final PackedMatrix embedding; // [vocab, hidden]
    private final List<Layer> layers = new ArrayList<>();
    private final long finalNorm; // [hidden]
    private final PackedMatrix head; // [vocab, hidden]; the embedding itself if tied

    /// @throws ModelFileException if a tensor is missing or of another shape, before anything is read
    static PackedWeights load(WeightFiles files, Dtype dtype, Kernels kernels) {
        PackedWeights weights = new PackedWeights(files, dtype, kernels);
        try {
            weights.tasks.parallelStream().forEach(Runnable::run);
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
        weights.tasks.clear();
        return weights;
    }

    private PackedWeights(WeightFiles files, Dtype dtype, Kernels kernels) {
        this.files = files;
        this.dtype = dtype;
        this.kernels = kernels;
        ModelConfig config = files.config();
        memory = new Region(kernels, bytes(config, dtype));
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
    static long bytes(ModelConfig config, Dtype dtype) {
        int hidden = config.hiddenSize();
        int queryWidth = config.headCount() * config.headDim();
        long vector = Region.aligned((long) hidden * Float.BYTES);
        long layer = 2 * vector
                + matrixBytes(queryWidth + 2 * config.kvHeadCount() * config.headDim(), hidden, dtype)
                + matrixBytes(hidden, queryWidth, dtype)
                + matrixBytes(2 * config.intermediateSize(), hidden, dtype)
                + matrixBytes(hidden, config.intermediateSize(), dtype);
        long vocabularies = (config.tiedHead() ? 1 : 2) * matrixBytes(config.vocabSize(), hidden, dtype);
        return config.layerCount() * layer + vocabularies + vector;
    }

    PackedMatrix embedding() {
        return embedding;
    }

    List<Layer> layers() {
        return layers;
    }

    long finalNorm() {
        return finalNorm;
    }

    PackedMatrix head() {
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

    private PackedMatrix matrix(int columns, Part... parts) {
        List<WeightTensor> tensors = new ArrayList<>();
        int rows = 0;
        for (Part part : parts) {
            tensors.add(tensor(part, columns));
            rows += part.rows;
        }
        long address = memory.take(PackedMatrix.bytes(rows, columns, dtype));
        PackedMatrix matrix = new PackedMatrix(address, rows, columns, dtype);
        for (int panel = 0; panel < matrix.panelCount(); panel += TASK_PANELS) {
            int first = panel;
            tasks.add(() -> pack(matrix, tensors, first));
        }
        return matrix;
    }

    private static long matrixBytes(int rows, int columns, Dtype dtype) {
        return Region.aligned(PackedMatrix.bytes(rows, columns, dtype));
    }

    private void pack(PackedMatrix matrix, List<WeightTensor> tensors, int firstPanel) {
        try (Arena arena = Arena.ofConfined()) {
            long rowBytes = (long) matrix.columns() * Float.BYTES;
            MemorySegment rows = arena.allocate(JAVA_FLOAT, (long) PackedMatrix.PANEL * matrix.columns());
            int end = Math.min(firstPanel + TASK_PANELS, matrix.panelCount());
            for (int panel = firstPanel; panel < end; panel++) {
                int first = panel * PackedMatrix.PANEL;
                int count = Math.clamp(matrix.rows() - first, 0, PackedMatrix.PANEL);
                int tensorStart = 0; // the fused matrix's row that the tensor begins with
                for (WeightTensor tensor : tensors) {
                    int from = Math.max(first, tensorStart);
                    int to = Math.min(first + count, tensorStart + tensor.rows());
                    if (from < to) {
                        MemorySegment target = rows.asSlice((from - first) * rowBytes, (to - from) * rowBytes);
                        tensor.readRows(from - tensorStart, to - from, target);
                    }
                    tensorStart += tensor.rows();
                }
                kernels.pack(dtype, rows.address(), count, matrix.columns(), matrix.panelAddress(panel));
            }
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

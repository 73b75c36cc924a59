package io.sluice.device;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Which tensors of the files each weight of a Llama-family model is made of: matrices that multiply the same input lie
/// one under the other, so that one product computes them. A value; any thread.
record FusedWeights(WeightFiles files) {

    /// One transformer layer.
    record Layer(
            WeightTensor attentionNorm, // [hidden]
            Matrix queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: queries, then keys, then values
            Matrix attentionOutput, // [hidden, heads headDim]
            WeightTensor mlpNorm, // [hidden]
            Matrix gateUp, // [2 intermediate, hidden]: the gate, then what it gates
            Matrix down) {} // [hidden, intermediate]

    /// A matrix `[rows, columns]`: the rows of its parts, one part after the other.
    ///
    /// @param inputRun numbers of its input that are computed together, a divisor of `columns`
    record Matrix(int rows, int columns, int inputRun, List<WeightTensor> parts) {

        /// Where the parts are stored, whole.
        List<MemorySegment> stored() {
            List<MemorySegment> stored = new ArrayList<>();
            for (WeightTensor part : parts) {
                long bytes = part.rows() * part.type().bytes(part.columns());
                MemorySegment first = part.rowBytes(0);
                if (first.isNative())
                    stored.add(MemorySegment.ofAddress(first.address()).reinterpret(bytes));
            }
            return stored;
        }

        private Matrix withInputRun(int run) {
            return new Matrix(rows, columns, run, parts);
        }

        /// Decodes rows `[first, end)` into `target`, row-major float32.
        void readRows(int first, int end, MemorySegment target) {
            long rowBytes = (long) columns * Float.BYTES;
            int partStart = 0; // the matrix's row that the part begins with
            for (WeightTensor part : parts) {
                int from = Math.max(first, partStart);
                int to = Math.min(end, partStart + part.rows());
                if (from < to) {
                    MemorySegment rows = target.asSlice((from - first) * rowBytes, (to - from) * rowBytes);
                    part.readRows(from - partStart, to - from, rows);
                }
                partStart += part.rows();
            }
        }

        /// Copies rows `[first, end)` as they are stored, one after the other; all parts are stored alike.
        void copyRows(int first, int end, MemorySegment target) {
            int partStart = 0;
            long at = 0;
            for (WeightTensor part : parts) {
                for (int row = Math.max(first, partStart); row < Math.min(end, partStart + part.rows()); row++) {
                    MemorySegment bytes = part.rowBytes(row - partStart);
                    MemorySegment.copy(bytes, 0, target, at, bytes.byteSize());
                    at += bytes.byteSize();
                }
                partStart += part.rows();
            }
        }
    }

    /// @throws ModelFileException like all below, if a tensor is missing or of another shape
    Matrix embedding() {
        return matrix(config().hiddenSize(), part("model.embed_tokens", config().vocabSize()));
    }

    Layer layer(int index) {
        String prefix = "model.layers." + index + ".";
        int hidden = config().hiddenSize();
        int queryWidth = config().headCount() * config().headDim();
        int keyWidth = config().kvHeadCount() * config().headDim();
        int intermediate = config().intermediateSize();
        return new Layer(
                vector(prefix + "input_layernorm"),
                matrix(
                        hidden,
                        part(prefix + "self_attn.q_proj", queryWidth),
                        part(prefix + "self_attn.k_proj", keyWidth),
                        part(prefix + "self_attn.v_proj", keyWidth)),
                matrix(queryWidth, part(prefix + "self_attn.o_proj", hidden)).withInputRun(config().headDim()),
                vector(prefix + "post_attention_layernorm"),
                matrix(
                        hidden,
                        part(prefix + "mlp.gate_proj", intermediate),
                        part(prefix + "mlp.up_proj", intermediate)),
                matrix(intermediate, part(prefix + "mlp.down_proj", hidden)));
    }

    WeightTensor finalNorm() {
        return vector("model.norm");
    }

    /// The head of a model whose head is not its embedding.
    Matrix head() {
        return matrix(config().hiddenSize(), part("lm_head", config().vocabSize()));
    }

    private ModelConfig config() {
        return files.config();
    }

    private record Part(String name, int rows) {}

    private static Part part(String name, int rows) {
        return new Part(name + ".weight", rows);
    }

    private Matrix matrix(int columns, Part... parts) {
        List<WeightTensor> tensors = new ArrayList<>();
        int rows = 0;
        for (Part part : parts) {
            tensors.add(files.tensor(part.name, part.rows, columns));
            rows += part.rows;
        }
        return new Matrix(rows, columns, columns, List.copyOf(tensors));
    }

    private WeightTensor vector(String name) {
        return files.tensor(name + ".weight", 1, config().hiddenSize());
    }
}

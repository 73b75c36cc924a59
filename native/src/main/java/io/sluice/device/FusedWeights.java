package io.sluice.device;

import io.sluice.modelstore.DecoderTraits;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Which tensors of the files each weight of the graph is made of: matrices that multiply the same input
/// lie one under the other, so that one product computes them. A value; any thread.
record FusedWeights(WeightFiles files) {

    /// One transformer layer. What is null the model does not have.
    record Layer(
            WeightTensor attentionNorm, // [hidden]
            Matrix queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: queries, then keys, then values
            HeadTerms headTerms,
            Matrix attentionOutput, // [hidden, heads headDim]
            @Nullable WeightTensor attentionPostNorm, // [hidden]
            WeightTensor mlpNorm, // [hidden]
            @Nullable Matrix router, // [experts, hidden]
            List<Mlp> mlps, // one, or all experts
            @Nullable WeightTensor mlpPostNorm) { // [hidden]

        /// [2 intermediate, hidden] of the only MLP: the gate, then what it gates.
        Matrix gateUp() {
            return mlps.getFirst().gateUp();
        }

        /// [hidden, intermediate] of the only MLP.
        Matrix down() {
            return mlps.getFirst().down();
        }

        /// All vectors that the layer has.
        List<WeightTensor> vectors() {
            return Stream.of(
                            attentionNorm,
                            headTerms.bias,
                            headTerms.queryNorm,
                            headTerms.keyNorm,
                            attentionPostNorm,
                            mlpNorm,
                            mlpPostNorm)
                    .flatMap(Stream::ofNullable)
                    .toList();
        }

        /// All matrices that the layer has.
        List<Matrix> matrices() {
            return Stream.concat(
                            Stream.of(queriesKeysValues, attentionOutput, router),
                            mlps.stream().flatMap(mlp -> Stream.of(mlp.gateUp, mlp.down)))
                    .flatMap(Stream::ofNullable)
                    .toList();
        }
    }

    /// What is added to queries, keys and values, and what norms their heads pass before they are turned.
    record HeadTerms(
            @Nullable WeightTensor bias, // [(heads + 2 kvHeads) headDim]
            @Nullable WeightTensor queryNorm, // [headDim]
            @Nullable WeightTensor keyNorm) {} // [headDim]

    /// A gated MLP, or one expert.
    record Mlp(Matrix gateUp, Matrix down) {}

    /// A matrix `[rows, columns]`: the rows of its parts, one part after the other.
    ///
    /// @param inputRun numbers of its input that are computed together, a divisor of `columns`
    record Matrix(int rows, int columns, int inputRun, List<WeightTensor> parts) {

        /// Where the parts are stored, whole: from their first row's begin to their last one's end, because what
        /// a type takes is not what a file has where rows are put together.
        List<MemorySegment> stored() {
            List<MemorySegment> stored = new ArrayList<>();
            for (WeightTensor part : parts) {
                MemorySegment first = part.rowBytes(0);
                MemorySegment last = part.rowBytes(part.rows() - 1);
                long bytes = last.address() + last.byteSize() - first.address();
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
        String attention = prefix + "self_attn.";
        DecoderTraits traits = config().traits();
        int hidden = config().hiddenSize();
        int queryWidth = config().headCount() * config().headDim();
        int keyWidth = config().kvHeadCount() * config().headDim();
        boolean postNorms = traits.postNorms();
        return new Layer(
                vector(prefix + "input_layernorm"),
                matrix(
                        hidden,
                        part(attention + "q_proj", queryWidth),
                        part(attention + "k_proj", keyWidth),
                        part(attention + "v_proj", keyWidth)),
                headTerms(attention, queryWidth, keyWidth),
                matrix(queryWidth, part(attention + "o_proj", hidden)).withInputRun(config().headDim()),
                postNorms ? vector(prefix + "post_attention_layernorm") : null,
                vector(prefix + (postNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm")),
                traits.experts()
                        .map(experts -> matrix(hidden, part(prefix + "mlp.gate", experts.count())))
                        .orElse(null),
                mlps(prefix + "mlp."),
                postNorms ? vector(prefix + "post_feedforward_layernorm") : null);
    }

    private HeadTerms headTerms(String attention, int queryWidth, int keyWidth) {
        DecoderTraits traits = config().traits();
        WeightTensor bias = !traits.queryKeyValueBias()
                ? null
                : new JoinedVector(
                        attention + "bias",
                        List.of(
                                files.tensor(attention + "q_proj.bias", 1, queryWidth),
                                files.tensor(attention + "k_proj.bias", 1, keyWidth),
                                files.tensor(attention + "v_proj.bias", 1, keyWidth)));
        int headDim = config().headDim();
        return traits.queryKeyNorm()
                ? new HeadTerms(
                        bias,
                        files.tensor(attention + "q_norm.weight", 1, headDim),
                        files.tensor(attention + "k_norm.weight", 1, headDim))
                : new HeadTerms(bias, null, null);
    }

    private List<Mlp> mlps(String prefix) {
        Optional<DecoderTraits.Experts> experts = config().traits().experts();
        if (experts.isEmpty()) return List.of(mlp(prefix));
        return IntStream.range(0, experts.get().count())
                .mapToObj(expert -> mlp(prefix + "experts." + expert + "."))
                .toList();
    }

    private Mlp mlp(String prefix) {
        int hidden = config().hiddenSize();
        int intermediate = config().intermediateSize();
        return new Mlp(
                matrix(hidden, part(prefix + "gate_proj", intermediate), part(prefix + "up_proj", intermediate)),
                matrix(intermediate, part(prefix + "down_proj", hidden)));
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

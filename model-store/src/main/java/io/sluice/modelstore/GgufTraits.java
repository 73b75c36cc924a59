package io.sluice.modelstore;

import io.sluice.modelstore.DecoderTraits.Activation;
import io.sluice.modelstore.DecoderTraits.Experts;
import io.sluice.modelstore.DecoderTraits.Layer;
import io.sluice.modelstore.DecoderTraits.Rotary;
import io.sluice.modelstore.DecoderTraits.Rotation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/// Reads from a GGUF file in what the model differs from Llama. What the format has no key for is what
/// llama.cpp does with the family. One thread.
final class GgufTraits {
    /// Layers, by which llama.cpp tells the models whose queries are scaled by their share of the hidden
    /// width.
    private static final int GEMMA2_27B_LAYERS = 46;

    private static final int GEMMA3_27B_LAYERS = 62;
    private static final int GEMMA3_PATTERN = 6;
    private static final int SMOLLM3_PATTERN = 4;

    /// Tensors that are not weights but part of the configuration.
    static final List<String> ROPE_TENSORS =
            List.of("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight");

    private final Path file;
    private final GgufMetadata metadata;
    private final ModelFamily family;
    private final List<StoredTensor> tensors;

    GgufTraits(Path file, GgufMetadata metadata, ModelFamily family, List<StoredTensor> tensors) {
        this.file = file;
        this.metadata = metadata;
        this.family = family;
        this.tensors = tensors;
    }

    DecoderTraits read(int hiddenSize, int headCount, int headDim, int layerCount) {
        boolean gemma = family.isGemma();
        return new DecoderTraits(
                gemma ? Activation.GELU_TANH : Activation.SILU,
                family == ModelFamily.QWEN2,
                family == ModelFamily.QWEN3 || family == ModelFamily.QWEN3_MOE || family == ModelFamily.GEMMA3,
                gemma,
                gemma ? (float) Math.sqrt(hiddenSize) : 1,
                DecoderTraits.scaleOf(scaledByShare(layerCount) ? (double) hiddenSize / headCount : headDim),
                family == ModelFamily.GEMMA2 ? number("attn_logit_softcapping", 50) : 0,
                family == ModelFamily.GEMMA2 ? number("final_logit_softcapping", 30) : 0,
                rotary(headDim),
                layers(layerCount),
                experts());
    }

    private boolean scaledByShare(int layerCount) {
        return (family == ModelFamily.GEMMA2 && layerCount == GEMMA2_27B_LAYERS)
                || (family == ModelFamily.GEMMA3 && layerCount == GEMMA3_27B_LAYERS);
    }

    private Rotary rotary(int headDim) {
        int width = metadata.integer(key("rope.dimension_count"))
                .map(value -> (int) Math.clamp(value, 0L, 1L << 20))
                .orElse(headDim);
        if (width != headDim && family != ModelFamily.PHI3) {
            throw new ModelFileException(
                    file,
                    key("rope.dimension_count") + " " + width + " differs from the head size " + headDim
                            + ", which is not supported for " + family.gguf());
        }
        float localTheta = family == ModelFamily.GEMMA3 ? number("rope.freq_base_swa", 10_000) : 0;
        return new Rotary(width, scaling(), localTheta);
    }

    private RopeScaling scaling() {
        Optional<RopeScaling> stored = storedDivisors();
        String type = metadata.string(key("rope.scaling.type")).orElse("none");
        float factor = number("rope.scaling.factor", number("rope.scale_linear", 1));
        if (stored.isPresent()) {
            if (!type.equals("none") && !type.equals("longrope")) {
                throw unsupported("rope.scaling.type", type + " beside stored rope divisors");
            }
            return stored.get();
        }
        return switch (type) {
            case "none", "linear" -> factor == 1 || factor == 0 ? RopeScaling.none() : new RopeScaling.Linear(factor);
            case "yarn" ->
                new RopeScaling.Yarn(
                        factor,
                        originalContext(),
                        number("rope.scaling.yarn_beta_fast", 32),
                        number("rope.scaling.yarn_beta_slow", 1),
                        true,
                        number("rope.scaling.attn_factor", 1) * RopeScaling.Yarn.defaultMagnitude(factor));
            default -> throw unsupported("rope.scaling.type", type);
        };
    }

    private Optional<RopeScaling> storedDivisors() {
        Optional<List<Float>> plain = numbers("rope_freqs.weight");
        Optional<List<Float>> small = numbers("rope_factors_short.weight");
        Optional<List<Float>> large = numbers("rope_factors_long.weight");
        if (small.isPresent() && large.isPresent()) {
            float magnitude = number("rope.scaling.attn_factor", 1);
            return Optional.of(new RopeScaling.LongRope(small.get(), large.get(), originalContext(), magnitude));
        }
        if (small.isPresent() || large.isPresent()) {
            throw new ModelFileException(file, "has one of rope_factors_short and rope_factors_long, not both");
        }
        return plain.map(RopeScaling.Divisors::new);
    }

    private Optional<List<Float>> numbers(String tensorName) {
        return tensors.stream()
                .filter(tensor -> tensor.name().equals(tensorName))
                .findFirst()
                .map(this::numbers);
    }

    private List<Float> numbers(StoredTensor tensor) {
        if (tensor.type() != TensorType.F32 || tensor.shape().length != 1 || tensor.shape()[0] > 1 << 12) {
            throw new ModelFileException(file, "tensor " + tensor.name() + " is not a short vector of F32");
        }
        float[] row = new float[(int) tensor.shape()[0]];
        byte[] bytes = tensor.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        Dequantizer.decode(TensorType.F32, bytes, row);
        List<Float> numbers = new ArrayList<>();
        for (float number : row) {
            numbers.add(number);
        }
        return numbers;
    }

    private int originalContext() {
        return metadata.integer(key("rope.scaling.original_context_length"))
                .or(() -> metadata.integer(key("context_length")))
                .filter(value -> value > 0 && value <= Integer.MAX_VALUE)
                .orElseThrow(() -> new ModelFileException(
                        file, "metadata key " + key("rope.scaling.original_context_length") + " is missing"))
                .intValue();
    }

    private List<Layer> layers(int layerCount) {
        int window = window();
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < layerCount; i++) {
            layers.add(
                    switch (family) {
                        case GEMMA2 -> new Layer(i % 2 == 0 ? window : 0, Rotation.GLOBAL);
                        case GEMMA3 -> (i + 1) % GEMMA3_PATTERN == 0 ? Layer.PLAIN : new Layer(window, Rotation.LOCAL);
                        case SMOLLM3 -> (i + 1) % SMOLLM3_PATTERN == 0 ? new Layer(0, Rotation.NONE) : Layer.PLAIN;
                        case PHI3 -> new Layer(window, Rotation.GLOBAL);
                        case LLAMA, MISTRAL, MIXTRAL, QWEN2, QWEN3, QWEN3_MOE -> Layer.PLAIN;
                    });
        }
        return Collections.unmodifiableList(layers);
    }

    private int window() {
        Optional<Long> window =
                metadata.integer(key("attention.sliding_window")).filter(value -> value != 0);
        if (window.isEmpty()) {
            if (family.isGemma()) {
                throw new ModelFileException(file, "metadata key " + key("attention.sliding_window") + " is missing");
            }
            return 0;
        }
        long value = window.get();
        if (value < 0 || value > Integer.MAX_VALUE) {
            throw new ModelFileException(file, key("attention.sliding_window") + " " + value + " is out of range");
        }
        if (!family.isGemma() && family != ModelFamily.PHI3) {
            throw unsupported("attention.sliding_window", value);
        }
        return (int) value;
    }

    /// Experts of a file that calls itself llama are Mixtral's.
    private Optional<Experts> experts() {
        long count = metadata.integer(key("expert_count")).orElse(0L);
        if (count == 0) {
            return Optional.empty();
        }
        if (family != ModelFamily.LLAMA && family != ModelFamily.QWEN3_MOE) {
            throw unsupported("expert_count", count);
        }
        if (metadata.integer(key("expert_shared_count")).orElse(0L) != 0) {
            throw unsupported("expert_shared_count", "not 0");
        }
        long perToken = metadata.integer(key("expert_used_count")).orElse(0L);
        return Optional.of(new Experts(Math.clamp(count, 0, 1 << 20), Math.clamp(perToken, 0, 1 << 20), true));
    }

    private float number(String name, float otherwise) {
        return metadata.number(key(name)).map(Double::floatValue).orElse(otherwise);
    }

    private String key(String name) {
        return family.gguf() + "." + name;
    }

    private ModelFileException unsupported(String name, Object value) {
        return new ModelFileException(file, "metadata key " + key(name) + " is " + value + ", which is not supported");
    }
}

package io.sluice.modelstore;

import io.sluice.modelstore.DecoderTraits.Rotary;
import java.util.List;
import java.util.Optional;

/// Reads what a `config.json` says of rotary positions: keys beside the others and `rope_scaling`, as most
/// published models have it, or all in `rope_parameters`, as transformers 5 writes it. Refuses a type that
/// it does not know. One thread.
final class HuggingFaceRope {
    private final JsonFile json;
    private final ModelFamily family;

    HuggingFaceRope(JsonFile json, ModelFamily family) {
        this.json = json;
        this.family = family;
    }

    /// Base of the global frequencies.
    float theta() {
        return json.number("rope_theta")
                .or(() -> global().flatMap(rope -> rope.number("rope_theta")))
                .orElse(defaultTheta())
                .floatValue();
    }

    private double defaultTheta() {
        return switch (family) {
            case GEMMA3, MIXTRAL -> 1_000_000.0;
            case SMOLLM3 -> 2_000_000.0;
            case LLAMA, MISTRAL, QWEN2, QWEN3, QWEN3_MOE, GEMMA2, PHI3 -> 10_000.0;
        };
    }

    Rotary rotary(int headDim) {
        return new Rotary(width(headDim), scaling(), family == ModelFamily.GEMMA3 ? localTheta() : 0);
    }

    private float localTheta() {
        local().ifPresent(rope -> {
            if (!type(rope).equals("default")) {
                throw refused("rope_parameters of type " + type(rope) + " for sliding_attention is not supported");
            }
        });
        return json.number("rope_local_base_freq")
                .or(() -> local().flatMap(rope -> rope.number("rope_theta")))
                .orElse(10_000.0)
                .floatValue();
    }

    private int width(int headDim) {
        double factor = json.number("partial_rotary_factor")
                .or(() -> global().flatMap(rope -> rope.number("partial_rotary_factor")))
                .orElse(1.0);
        if (!(factor > 0 && factor <= 1)) {
            throw refused("partial_rotary_factor " + factor + " is not above 0 and at most 1");
        }
        return (int) (headDim * factor);
    }

    private RopeScaling scaling() {
        Optional<JsonFile> given = global();
        if (given.isEmpty()) {
            return RopeScaling.none();
        }
        JsonFile rope = given.get();
        String type = type(rope);
        if (family == ModelFamily.PHI3 && (type.equals("su") || type.equals("yarn"))) {
            type = "longrope"; // as it was called before it had a name
        }
        return switch (type) {
            case "default" -> RopeScaling.none();
            case "linear" -> new RopeScaling.Linear(required(rope, "factor"));
            case "llama3" ->
                new RopeScaling.Llama3(
                        required(rope, "factor"),
                        required(rope, "low_freq_factor"),
                        required(rope, "high_freq_factor"),
                        originalContext(rope));
            case "yarn" -> yarn(rope);
            case "longrope" -> longRope(rope);
            default ->
                throw refused("rope scaling of type " + type
                        + " is not supported; supported are linear, llama3, yarn and longrope");
        };
    }

    private RopeScaling yarn(JsonFile rope) {
        float factor = required(rope, "factor");
        return new RopeScaling.Yarn(
                factor,
                originalContext(rope),
                rope.number("beta_fast").orElse(32.0).floatValue(),
                rope.number("beta_slow").orElse(1.0).floatValue(),
                rope.bool("truncate").orElse(true),
                rope.number("attention_factor").map(Double::floatValue).orElseGet(() -> yarnMagnitude(rope, factor)));
    }

    private static float yarnMagnitude(JsonFile rope, float factor) {
        double scale = rope.number("mscale").orElse(0.0);
        double allDimensions = rope.number("mscale_all_dim").orElse(0.0);
        return scale == 0 || allDimensions == 0
                ? RopeScaling.Yarn.defaultMagnitude(factor)
                : RopeScaling.Yarn.magnitude(factor, (float) scale)
                        / RopeScaling.Yarn.magnitude(factor, (float) allDimensions);
    }

    private RopeScaling longRope(JsonFile rope) {
        int original = originalContext(rope);
        double factor = rope.number("factor").orElseGet(() -> contextMax() / (double) original);
        double magnitude = rope.number("attention_factor")
                .orElse(factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)));
        return new RopeScaling.LongRope(
                divisors(rope, "short_factor"), divisors(rope, "long_factor"), original, (float) magnitude);
    }

    private List<Float> divisors(JsonFile rope, String key) {
        List<Float> divisors =
                rope.numbers(key).stream().map(Double::floatValue).toList();
        if (divisors.isEmpty()) {
            throw refused("rope scaling lacks " + key);
        }
        return divisors;
    }

    private int originalContext(JsonFile rope) {
        return rope.integer("original_max_position_embeddings")
                .or(() -> json.integer("original_max_position_embeddings"))
                .orElseGet(this::contextMax);
    }

    private int contextMax() {
        return json.integer("max_position_embeddings")
                .orElseThrow(() -> refused("max_position_embeddings is missing, which rope scaling needs"));
    }

    private float required(JsonFile rope, String key) {
        return rope.number(key)
                .orElseThrow(() -> refused("rope scaling lacks " + key))
                .floatValue();
    }

    private static String type(JsonFile rope) {
        return rope.string("rope_type").or(() -> rope.string("type")).orElse("default");
    }

    /// What is said of all layers, or of those without a window.
    private Optional<JsonFile> global() {
        return json.object("rope_scaling").or(() -> parameters("full_attention"));
    }

    private Optional<JsonFile> local() {
        return parameters("sliding_attention");
    }

    private Optional<JsonFile> parameters(String layerType) {
        Optional<JsonFile> all = json.object("rope_parameters");
        boolean byLayerType = all.isPresent()
                && (all.get().keys().contains("full_attention")
                        || all.get().keys().contains("sliding_attention"));
        return byLayerType || layerType.equals("sliding_attention") ? all.flatMap(rope -> rope.object(layerType)) : all;
    }

    private ModelFileException refused(String problem) {
        return new ModelFileException(json.file(), problem);
    }
}

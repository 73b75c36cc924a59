package io.sluice.modelstore;

import io.sluice.modelstore.DecoderTraits.Activation;
import io.sluice.modelstore.DecoderTraits.Experts;
import io.sluice.modelstore.DecoderTraits.Layer;
import io.sluice.modelstore.DecoderTraits.Rotation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntPredicate;

/// Reads from a `config.json` in what the model differs from Llama, with the defaults of transformers'
/// configuration of its family; refuses what the graph does not compute. One thread.
final class HuggingFaceTraits {
    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    private final JsonFile json;
    private final ModelFamily family;
    private final int layerCount;

    HuggingFaceTraits(JsonFile json, ModelFamily family, int layerCount) {
        this.json = json;
        this.family = family;
        this.layerCount = layerCount;
    }

    DecoderTraits read(int hiddenSize, int headDim) {
        boolean gemma = family.isGemma();
        return new DecoderTraits(
                activation(),
                family == ModelFamily.QWEN2,
                family == ModelFamily.QWEN3 || family == ModelFamily.QWEN3_MOE || family == ModelFamily.GEMMA3,
                gemma,
                gemma ? (float) Math.sqrt(hiddenSize) : 1,
                DecoderTraits.scaleOf(
                        gemma ? json.number("query_pre_attn_scalar").orElse(256.0) : headDim),
                softcap("attn_logit_softcapping", 50),
                softcap("final_logit_softcapping", 30),
                new HuggingFaceRope(json, family).rotary(headDim),
                layers(),
                experts());
    }

    private Activation activation() {
        Optional<String> given = family.isGemma()
                ? json.string("hidden_activation") // the older hidden_act says gelu and means this one
                : json.string("hidden_act");
        Activation activation = family.isGemma() ? Activation.GELU_TANH : Activation.SILU;
        String supported = family.isGemma() ? "gelu_pytorch_tanh" : "silu";
        given.filter(name -> !name.equals(supported)).ifPresent(name -> {
            throw refused("activation " + name + " is not supported for " + family.className() + "; supported is "
                    + supported);
        });
        return activation;
    }

    /// Gemma 2 assumes caps where the key is missing, but not where it is null.
    private float softcap(String key, float gemma2Default) {
        if (!family.isGemma()) {
            return 0;
        }
        boolean given = json.keys().contains(key);
        float assumed = family == ModelFamily.GEMMA2 && !given ? gemma2Default : 0;
        return json.number(key).map(Double::floatValue).orElse(assumed);
    }

    private List<Layer> layers() {
        IntPredicate sliding = sliding();
        OptionalInt window = window();
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < layerCount; i++) {
            boolean slides = window.isPresent() && sliding.test(i);
            Rotation rotation = Rotation.GLOBAL;
            if (family == ModelFamily.SMOLLM3 && !turns(i)) {
                rotation = Rotation.NONE;
            } else if (family == ModelFamily.GEMMA3 && sliding.test(i)) {
                rotation = Rotation.LOCAL;
            }
            layers.add(new Layer(slides ? window.getAsInt() : 0, rotation));
        }
        return layers;
    }

    /// The window of the layers that have one.
    private OptionalInt window() {
        boolean used = switch (family) {
            case QWEN2, QWEN3, QWEN3_MOE, SMOLLM3 ->
                json.bool("use_sliding_window").orElse(false);
            case LLAMA, MISTRAL, MIXTRAL, GEMMA2, GEMMA3, PHI3 -> true;
        };
        if (!used) {
            return OptionalInt.empty();
        }
        Optional<Integer> given = json.integer("sliding_window");
        if (given.isPresent()) {
            if (family == ModelFamily.LLAMA) {
                throw refused("sliding_window is not supported for " + family.className());
            }
            if (given.get() < 1) {
                throw refused("sliding_window " + given.get() + " is not at least 1");
            }
            return OptionalInt.of(given.get());
        }
        boolean assumed = !json.keys().contains("sliding_window") && assumesWindow();
        return assumed ? OptionalInt.of(4096) : OptionalInt.empty();
    }

    /// Families whose configuration has a window of 4096 where the key is missing.
    private boolean assumesWindow() {
        return switch (family) {
            case MISTRAL, QWEN2, QWEN3, QWEN3_MOE, GEMMA2, GEMMA3 -> true;
            case LLAMA, MIXTRAL, PHI3, SMOLLM3 -> false;
        };
    }

    /// Which layers have the window.
    private IntPredicate sliding() {
        List<String> types = json.strings("layer_types");
        if (!types.isEmpty() && family != ModelFamily.MISTRAL && family != ModelFamily.MIXTRAL) {
            if (types.size() != layerCount) {
                throw refused("layer_types has " + types.size() + " entries for " + layerCount + " layers");
            }
            for (String type : types) {
                if (!type.equals(SLIDING) && !type.equals(FULL)) {
                    throw refused(
                            "layer type " + type + " is not supported; supported are " + FULL + " and " + SLIDING);
                }
            }
            return layer -> types.get(layer).equals(SLIDING);
        }
        return switch (family) {
            case GEMMA2 -> layer -> layer % 2 == 0;
            case GEMMA3 -> everyBut(json.integer("sliding_window_pattern").orElse(6));
            case QWEN2, QWEN3 ->
                layer -> layer >= json.integer("max_window_layers").orElse(28);
            case SMOLLM3 -> layer -> !turns(layer);
            case LLAMA, MISTRAL, MIXTRAL, QWEN3_MOE, PHI3 -> layer -> true;
        };
    }

    /// SmolLM3 leaves every fourth layer without positions.
    private boolean turns(int layer) {
        List<Integer> turned = json.integers("no_rope_layers");
        if (!turned.isEmpty() && turned.size() != layerCount) {
            throw refused("no_rope_layers has " + turned.size() + " entries for " + layerCount + " layers");
        }
        int interval = json.integer("no_rope_layer_interval").orElse(4);
        if (interval < 1) {
            throw refused("no_rope_layer_interval " + interval + " is not at least 1");
        }
        return turned.isEmpty() ? (layer + 1) % interval != 0 : turned.get(layer) != 0;
    }

    private IntPredicate everyBut(int pattern) {
        if (pattern < 1) {
            throw refused("sliding_window_pattern " + pattern + " is not at least 1");
        }
        return layer -> (layer + 1) % pattern != 0;
    }

    private Optional<Experts> experts() {
        return switch (family) {
            case MIXTRAL ->
                Optional.of(new Experts(required("num_local_experts"), required("num_experts_per_tok"), true));
            case QWEN3_MOE -> {
                if (json.integer("decoder_sparse_step").orElse(1) != 1
                        || !json.integers("mlp_only_layers").isEmpty()) {
                    throw refused("layers without experts (decoder_sparse_step, mlp_only_layers) are not supported");
                }
                yield Optional.of(new Experts(
                        json.integer("num_experts").orElseGet(() -> required("num_local_experts")),
                        required("num_experts_per_tok"),
                        json.bool("norm_topk_prob").orElse(false)));
            }
            case LLAMA, MISTRAL, QWEN2, QWEN3, GEMMA2, GEMMA3, PHI3, SMOLLM3 -> Optional.empty();
        };
    }

    private int required(String key) {
        return json.integer(key).orElseThrow(() -> refused(key + " is missing"));
    }

    private ModelFileException refused(String problem) {
        return new ModelFileException(json.file(), problem);
    }
}

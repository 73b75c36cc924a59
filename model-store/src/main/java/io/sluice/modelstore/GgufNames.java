package io.sluice.modelstore;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The two spellings of a tensor's name: GGUF's `blk.0.attn_q.weight`, Hugging Face's
/// `model.layers.0.self_attn.q_proj.weight`. A value of one family; any thread.
final class GgufNames {
    private static final Map<String, String> GLOBAL = Map.of(
            "token_embd.weight", "model.embed_tokens.weight",
            "output_norm.weight", "model.norm.weight",
            "output.weight", "lm_head.weight");

    private static final Map<String, String> IN_EVERY_LAYER = Map.ofEntries(
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_qkv", "self_attn.qkv_proj"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("attn_q_norm", "self_attn.q_norm"),
            Map.entry("attn_k_norm", "self_attn.k_norm"),
            Map.entry("ffn_norm", "post_attention_layernorm"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"),
            Map.entry("ffn_gate_inp", "mlp.gate"),
            Map.entry("ffn_gate_exps", "mlp.experts.gate_proj"),
            Map.entry("ffn_up_exps", "mlp.experts.up_proj"),
            Map.entry("ffn_down_exps", "mlp.experts.down_proj"));

    private static final Map<String, String> GLOBAL_BACK = inverse(GLOBAL);
    private static final Pattern GGUF_LAYER = Pattern.compile("blk\\.(\\d{1,9})\\.(\\w+)\\.(weight|bias)");
    private static final Pattern HUGGING_FACE_LAYER =
            Pattern.compile("model\\.layers\\.(\\d{1,9})\\.([\\w.]+)\\.(weight|bias)");

    private final Map<String, String> inLayer;
    private final Map<String, String> inLayerBack;

    private GgufNames(Map<String, String> inLayer) {
        this.inLayer = Map.copyOf(inLayer);
        inLayerBack = inverse(inLayer);
    }

    static GgufNames of(ModelFamily family) {
        Map<String, String> names = new HashMap<>(IN_EVERY_LAYER);
        if (family.isGemma()) {
            names.put("post_attention_norm", "post_attention_layernorm");
            names.put("ffn_norm", "pre_feedforward_layernorm");
            names.put("post_ffw_norm", "post_feedforward_layernorm");
        }
        if (family == ModelFamily.PHI3) {
            names.put("ffn_up", "mlp.gate_up_proj");
        }
        return new GgufNames(names);
    }

    /// Empty if the tensor has no place in a model of this family.
    Optional<String> toHuggingFace(String gguf) {
        Matcher layer = GGUF_LAYER.matcher(gguf);
        if (layer.matches()) {
            return Optional.ofNullable(inLayer.get(layer.group(2)))
                    .map(part -> "model.layers." + layer.group(1) + "." + part + "." + layer.group(3));
        }
        return Optional.ofNullable(GLOBAL.get(gguf));
    }

    /// The name unchanged if GGUF has none for it.
    String toGguf(String huggingFace) {
        Matcher layer = HUGGING_FACE_LAYER.matcher(huggingFace);
        if (layer.matches() && inLayerBack.containsKey(layer.group(2))) {
            return "blk." + layer.group(1) + "." + inLayerBack.get(layer.group(2)) + "." + layer.group(3);
        }
        return GLOBAL_BACK.getOrDefault(huggingFace, huggingFace);
    }

    private static Map<String, String> inverse(Map<String, String> map) {
        return map.entrySet().stream().collect(Collectors.toUnmodifiableMap(Map.Entry::getValue, Map.Entry::getKey));
    }
}

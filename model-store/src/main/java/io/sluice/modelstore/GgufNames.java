package io.sluice.modelstore;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The two spellings of a Llama tensor's name: GGUF's `blk.0.attn_q.weight`, Hugging Face's
/// `model.layers.0.self_attn.q_proj.weight`.
final class GgufNames {
    private static final Map<String, String> GLOBAL = Map.of(
            "token_embd.weight", "model.embed_tokens.weight",
            "output_norm.weight", "model.norm.weight",
            "output.weight", "lm_head.weight");

    private static final Map<String, String> IN_LAYER = Map.of(
            "attn_norm", "input_layernorm",
            "attn_q", "self_attn.q_proj",
            "attn_k", "self_attn.k_proj",
            "attn_v", "self_attn.v_proj",
            "attn_output", "self_attn.o_proj",
            "ffn_norm", "post_attention_layernorm",
            "ffn_gate", "mlp.gate_proj",
            "ffn_up", "mlp.up_proj",
            "ffn_down", "mlp.down_proj");

    private static final Map<String, String> GLOBAL_BACK = inverse(GLOBAL);
    private static final Map<String, String> IN_LAYER_BACK = inverse(IN_LAYER);
    private static final Pattern GGUF_LAYER = Pattern.compile("blk\\.(\\d{1,9})\\.(\\w+)\\.weight");
    private static final Pattern HUGGING_FACE_LAYER =
            Pattern.compile("model\\.layers\\.(\\d{1,9})\\.([\\w.]+)\\.weight");

    private GgufNames() {}

    /// Empty if the tensor has no place in a Llama model.
    static Optional<String> toHuggingFace(String gguf) {
        Matcher layer = GGUF_LAYER.matcher(gguf);
        if (layer.matches()) {
            return Optional.ofNullable(IN_LAYER.get(layer.group(2)))
                    .map(part -> "model.layers." + layer.group(1) + "." + part + ".weight");
        }
        return Optional.ofNullable(GLOBAL.get(gguf));
    }

    /// The name unchanged if GGUF has none for it.
    static String toGguf(String huggingFace) {
        Matcher layer = HUGGING_FACE_LAYER.matcher(huggingFace);
        if (layer.matches() && IN_LAYER_BACK.containsKey(layer.group(2))) {
            return "blk." + layer.group(1) + "." + IN_LAYER_BACK.get(layer.group(2)) + ".weight";
        }
        return GLOBAL_BACK.getOrDefault(huggingFace, huggingFace);
    }

    private static Map<String, String> inverse(Map<String, String> map) {
        return map.entrySet().stream().collect(Collectors.toUnmodifiableMap(Map.Entry::getValue, Map.Entry::getKey));
    }
}

package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.modelstore.DecoderTraits.Activation;
import io.sluice.modelstore.DecoderTraits.Rotation;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The keys that published models have in their `config.json`, which leave out what transformers assumes.
class PublishedConfigsTest {
    @TempDir
    Path folder;

    private ModelConfig read(String json) {
        TinyModels.write(folder.resolve("config.json"), json);
        return HuggingFaceConfig.read(folder).model();
    }

    @Test
    void llama32() {
        ModelConfig config = read("""
                {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "head_dim": 64, "hidden_act": "silu",
                 "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false,
                 "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8,
                 "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0,
                 "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"},
                 "rope_theta": 500000.0, "tie_word_embeddings": true, "vocab_size": 128256}""");
        assertThat(config.traits().rotary().scaling()).isEqualTo(new RopeScaling.Llama3(32, 1, 4, 8192));
        assertThat(config.isLlama()).isFalse();
        assertThat(config.tiedHead()).isTrue();
    }

    @Test
    void qwen25SaysAWindowThatItDoesNotUse() {
        ModelConfig config = read("""
                {"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 3584,
                 "intermediate_size": 18944, "max_position_embeddings": 32768, "max_window_layers": 28,
                 "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
                 "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 131072,
                 "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 152064}""");
        assertThat(config.traits().queryKeyValueBias()).isTrue();
        assertThat(config.traits().layers()).containsOnly(DecoderTraits.Layer.PLAIN);
        assertThat(config.headDim()).isEqualTo(128);
    }

    @Test
    void qwen3Moe() {
        ModelConfig config = read("""
                {"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "decoder_sparse_step": 1,
                 "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
                 "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [],
                 "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": true,
                 "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
                 "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000.0,
                 "sliding_window": null, "tie_word_embeddings": false, "use_sliding_window": false,
                 "vocab_size": 151936}""");
        assertThat(config.traits().experts()).isEqualTo(Optional.of(new DecoderTraits.Experts(128, 8, true)));
        assertThat(config.intermediateSize()).isEqualTo(768);
    }

    @Test
    void gemma2LeavesOutItsTiedHead() {
        ModelConfig config = read("""
                {"architectures": ["Gemma2ForCausalLM"], "attention_bias": false, "attn_logit_softcapping": 50.0,
                 "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
                 "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304, "intermediate_size": 9216,
                 "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8,
                 "num_hidden_layers": 26, "num_key_value_heads": 4, "query_pre_attn_scalar": 256,
                 "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096, "vocab_size": 256000}""");
        assertThat(config.tiedHead()).isTrue();
        assertThat(config.traits().activation()).isEqualTo(Activation.GELU_TANH);
        assertThat(config.traits().embeddingScale()).isEqualTo(48f);
        assertThat(windows(config)).startsWith(4096, 0, 4096, 0);
    }

    @Test
    void gemma3HasFiveWindowsOfSix() {
        ModelConfig config = read("""
                {"architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attn_logit_softcapping": null,
                 "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
                 "hidden_size": 1152, "intermediate_size": 6912, "max_position_embeddings": 32768,
                 "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 26,
                 "num_key_value_heads": 1, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
                 "rope_local_base_freq": 10000, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": 512,
                 "sliding_window_pattern": 6, "vocab_size": 262144}""");
        assertThat(windows(config)).startsWith(512, 512, 512, 512, 512, 0, 512);
        assertThat(config.traits().layers().get(4).rotation()).isEqualTo(Rotation.LOCAL);
        assertThat(config.traits().layers().get(5).rotation()).isEqualTo(Rotation.GLOBAL);
        assertThat(config.traits().attentionSoftcap()).isZero();
        assertThat(config.ropeTheta()).isEqualTo(1_000_000f);
    }

    @Test
    void phi4MiniTurnsThreeQuartersOfAHead() {
        String factors = "1.0" + ", 1.1".repeat(47);
        ModelConfig config = read("""
                {"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "hidden_act": "silu",
                 "hidden_size": 3072, "intermediate_size": 8192, "lm_head_bias": false,
                 "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "phi3",
                 "num_attention_heads": 24, "num_hidden_layers": 32, "num_key_value_heads": 8,
                 "original_max_position_embeddings": 4096, "partial_rotary_factor": 0.75, "rms_norm_eps": 1e-05,
                 "rope_scaling": {"long_factor": [%s], "short_factor": [%s], "type": "longrope"},
                 "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": true,
                 "vocab_size": 200064}""".formatted(factors, factors));
        assertThat(config.traits().rotary().width()).isEqualTo(96);
        assertThat(config.traits().rotary().scaling()).isInstanceOf(RopeScaling.LongRope.class);
        assertThat(config.traits().rotary().scaling().magnitude()).isBetween(1.19f, 1.2f);
    }

    @Test
    void smolLm3LeavesEveryFourthLayerWithoutPositions() {
        ModelConfig config = read("""
                {"architectures": ["SmolLM3ForCausalLM"], "attention_bias": false, "hidden_act": "silu",
                 "hidden_size": 2048, "intermediate_size": 11008, "max_position_embeddings": 65536,
                 "max_window_layers": 28, "mlp_bias": false, "model_type": "smollm3", "no_rope_layer_interval": 4,
                 "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
                 "rope_scaling": null, "rope_theta": 5000000.0, "sliding_window": null, "use_sliding_window": false,
                 "vocab_size": 128256}""");
        assertThat(config.traits().layers().get(2).rotation()).isEqualTo(Rotation.GLOBAL);
        assertThat(config.traits().layers().get(3).rotation()).isEqualTo(Rotation.NONE);
        assertThat(config.tiedHead()).isTrue();
    }

    private static List<Integer> windows(ModelConfig config) {
        return config.traits().layers().stream()
                .map(DecoderTraits.Layer::window)
                .toList();
    }
}

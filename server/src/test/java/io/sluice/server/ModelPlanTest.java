package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import io.sluice.server.settings.DeviceChoice;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ModelPlanTest {
    private static final long GIB = 1L << 30;

    /// 4 layers, 2 KV heads of 64: 4096 bytes per token in float32.
    private static final ModelConfig MODEL =
            new ModelConfig("llama", 1000, 256, 4, 4, 2, 64, 512, 1e-5f, 10_000f, 2048, true);

    @Test
    void an_automatic_cache_holds_every_sequence_at_full_length_if_memory_allows() {
        ModelPlan plan = plan(Map.of("max-num-seqs", "8"), 64 * GIB);
        assertThat(plan.kvBytesPerToken()).isEqualTo(4096);
        assertThat(plan.runner().kvCacheBytes()).isEqualTo(8 * 2048 * 4096);
        assertThat(plan.runner().contextMax()).isEqualTo(2048);
    }

    @Test
    void an_automatic_cache_takes_at_most_a_quarter_of_the_memory_but_holds_one_request() {
        assertThat(plan(Map.of(), 128 << 20).runner().kvCacheBytes()).isEqualTo(32 << 20);
        assertThat(plan(Map.of(), 1 << 20).runner().kvCacheBytes()).isEqualTo(2048 * 4096);
        assertThat(plan(Map.of("max-num-seqs", "512"), 64 * GIB).runner().kvCacheBytes())
                .isEqualTo(GIB);
    }

    @Test
    void on_a_gpu_the_cache_is_what_is_left_but_holds_one_request_and_steps_are_larger() {
        ModelPlan plan = plan(Map.of("device", "cuda:0"), 64 * GIB);
        assertThat(plan.kvTakesWhatIsLeft()).isTrue();
        assertThat(plan.runner().kvCacheBytes()).isEqualTo(2048 * 4096);
        assertThat(plan.runner().sequencesMax()).isEqualTo(256);
        assertThat(plan.runner().stepTokensMax()).isEqualTo(4096);
        assertThat(plan.runner().parkBytes()).isEqualTo(8 * GIB);
    }

    @Test
    void on_a_gpu_too_the_operator_may_say_how_large_the_cache_is() {
        ModelPlan plan = plan(Map.of("device", "cuda:0", "kv-cache-memory", "2GiB", "max-num-seqs", "8"), 64 * GIB);
        assertThat(plan.kvTakesWhatIsLeft()).isFalse();
        assertThat(plan.runner().kvCacheBytes()).isEqualTo(2 * GIB);
        assertThat(plan.runner().sequencesMax()).isEqualTo(8);
        assertThat(plan.runner().parkBytes()).isEqualTo(2 * GIB);
    }

    @Test
    void parked_sequences_get_as_much_as_the_cache_but_at_most_an_eighth_of_the_memory() {
        assertThat(plan(Map.of(), 64 * GIB).runner().parkBytes()).isEqualTo(256 << 20);
        assertThat(plan(Map.of(), GIB).runner().parkBytes()).isEqualTo(128 << 20);
        assertThat(plan(Map.of("park-memory", "3GiB"), GIB).runner().parkBytes())
                .isEqualTo(3 * GIB);
        assertThat(plan(Map.of("park-memory", "off"), GIB).runner().parkBytes()).isZero();
    }

    @Test
    void a_size_for_parked_sequences_that_is_none_is_refused() {
        assertThatThrownBy(() -> plan(Map.of("park-memory", "many"), GIB))
                .isInstanceOf(SettingsException.class)
                .hasMessageContainingAll("park-memory", "must be a size", "got \"many\"");
    }

    @Test
    void keys_and_values_can_be_stored_in_half_the_bytes() {
        assertThat(plan(Map.of("kv-cache-dtype", "bfloat16"), GIB).kvBytesPerToken())
                .isEqualTo(2048);
        assertThat(plan(Map.of("dtype", "bfloat16"), GIB).runner().kvDtype()).isEqualTo(Dtype.BFLOAT16);
    }

    @Test
    void the_operator_says_who_multiplies() {
        assertThat(plan(Map.of(), GIB).runner().gemm()).isEqualTo(Gemm.AUTO);
        assertThat(plan(Map.of("gemm", "libtorch"), GIB).runner().gemm()).isEqualTo(Gemm.LIBTORCH);
        assertThat(plan(Map.of("gemm", "kernels"), GIB).runner().gemm()).isEqualTo(Gemm.KERNELS);
    }

    @Test
    void quantised_weights_are_kept_where_they_can_be_and_the_operator_may_have_them_decoded() {
        assertThat(plan(Map.of("dtype", "bfloat16"), GIB).runner().keepsQuantised())
                .isTrue();
        assertThat(plan(Map.of("dtype", "bfloat16", "quantized-weights", "decode"), GIB)
                        .runner()
                        .keepsQuantised())
                .isFalse();
        assertThat(plan(Map.of("dtype", "float32"), GIB).runner().keepsQuantised())
                .isFalse();
        assertThat(plan(Map.of("dtype", "bfloat16", "gemm", "libtorch"), GIB)
                        .runner()
                        .keepsQuantised())
                .isFalse();
        assertThatThrownBy(() -> plan(Map.of("dtype", "float32", "quantized-weights", "keep"), GIB))
                .isInstanceOf(SettingsException.class)
                .hasMessageContainingAll("quantized-weights is keep", "set dtype to bfloat16");
    }

    @Test
    void a_context_beyond_the_models_is_refused_with_advice() {
        assertThatThrownBy(() -> plan(Map.of("max-model-len", "4096"), GIB))
                .isInstanceOf(SettingsException.class)
                .hasMessage(
                        "max-model-len is 4096, but the model was trained for 2048 tokens: lower it, or leave it out");
    }

    @Test
    void a_cache_that_holds_no_whole_request_is_refused_with_advice() {
        assertThatThrownBy(() -> plan(Map.of("kv-cache-memory", "4MiB"), GIB))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("holds 1024 tokens")
                .hasMessageContaining("8 MiB")
                .hasMessageContaining("set max-model-len to at most 1024");
        assertThat(plan(Map.of("kv-cache-memory", "4MiB", "max-model-len", "1024"), GIB)
                        .runner()
                        .kvCacheBytes())
                .isEqualTo(4 << 20);
    }

    private static ModelPlan plan(Map<String, String> flags, long memoryBytes) {
        ServerSettings settings = ServerSettings.of(flags, Optional.empty(), Map.of());
        return ModelPlan.of(
                settings, MODEL, Dtype.FLOAT32, memoryBytes, settings.engine().device() instanceof DeviceChoice.Cuda);
    }
}

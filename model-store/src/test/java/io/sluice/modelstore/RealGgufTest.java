package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/// SmolLM2-135M-Instruct as quantised by llama.cpp. The checksums are of the float32 numbers that ggml's own Python
/// package decodes the tensors to, with query and key rows put back into Hugging Face's order.
@EnabledIfEnvironmentVariable(named = "SLUICE_SHARED", matches = ".+")
class RealGgufTest {
    private static final List<String> PARTS = List.of(
            "input_layernorm",
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
            "post_attention_layernorm",
            "mlp.gate_proj",
            "mlp.up_proj",
            "mlp.down_proj");

    private static Path model() throws IOException, InterruptedException {
        Process process = new ProcessBuilder("bash", System.getenv("SLUICE_SHARED") + "/tools/get_model.sh")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        return Path.of(out.lines().toList().getLast());
    }

    @Test
    void aRealModelOpensAsItIs() throws IOException, InterruptedException {
        try (ModelFiles model = ModelStore.open(model())) {
            assertThat(model.config())
                    .isEqualTo(new ModelConfig("llama", 49_152, 576, 30, 9, 3, 64, 1536, 1e-5f, 100_000f, 8192, true));
            assertThat(model.name()).isEqualTo("SmolLM2-135M-Instruct.Q4_1");
            assertThat(model.weightsType()).isEqualTo(TensorType.Q4_1);
            assertThat(model.generationDefaults().endTokens()).containsExactly(2);
        }
    }

    @Test
    void itsNumbersAreThoseThatGgmlReads() throws IOException, InterruptedException {
        try (ModelFiles model = ModelStore.open(model())) {
            CRC32 all = new CRC32();
            update(all, model.tensor("model.embed_tokens.weight"));
            for (int layer = 0; layer < model.config().layerCount(); layer++) {
                for (String part : PARTS) {
                    update(all, model.tensor("model.layers." + layer + "." + part + ".weight"));
                }
            }
            update(all, model.tensor("model.norm.weight"));
            assertThat(all.getValue()).isEqualTo(0xCF9F6559L);
        }
    }

    private static void update(CRC32 checksum, WeightTensor tensor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment values = arena.allocate(4L * tensor.rows() * tensor.columns(), Float.BYTES);
            tensor.readRows(0, tensor.rows(), values);
            checksum.update(values.asByteBuffer());
        }
    }
}

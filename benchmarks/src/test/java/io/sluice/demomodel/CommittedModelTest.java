package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The files in the repository are the ones that the card describes and that the program makes.
class CommittedModelTest {
    private static final long SIZE_MAX = 8_000_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void theFolderHoldsFiveFilesOfAtMostEightMegabytes() throws IOException {
        try (Stream<Path> files = Files.list(CommittedModel.FOLDER)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(DemoModelFolder.FILES);
        }
        assertThat(new DemoModelFolder(CommittedModel.FOLDER).size()).isLessThanOrEqualTo(SIZE_MAX);
    }

    @Test
    void theCardNamesEachFilesHash() throws IOException {
        String card = Files.readString(CommittedModel.CARD);
        var folder = new DemoModelFolder(CommittedModel.FOLDER);
        for (String file : DemoModelFolder.FILES) {
            assertThat(card).contains("| `%s` | `%s` |".formatted(file, folder.sha256(file)));
        }
    }

    @Test
    void theProgramMakesTheSameTextTokenizerAndConfiguration(@TempDir Path temp) throws IOException {
        TrainingText text = TrainDemoModel.text();
        assertThat(Files.readString(CommittedModel.CARD)).contains(text.sha256());
        Set<String> heldOut = Set.copyOf(HeldOutPrompts.load().prompts());
        assertThat(text.chats().stream().flatMap(chat -> chat.turns().stream()).map(Chat.Turn::user))
                .noneMatch(heldOut::contains);
        var folder = new DemoModelFolder(temp);
        TrainDemoModel.writeAllButWeights(text, folder);
        for (String file : DemoModelFolder.FILES.subList(0, 4)) {
            assertThat(temp.resolve(file)).hasSameTextualContentAs(CommittedModel.FOLDER.resolve(file));
        }
    }

    @Test
    void theWeightsHaveTheShapesOfTheConfiguration() throws IOException {
        JsonNode header = header();
        JsonNode config =
                JSON.readTree(CommittedModel.FOLDER.resolve("config.json").toFile());
        int hidden = config.get("hidden_size").asInt();
        int layers = config.get("num_hidden_layers").asInt();
        int keys = config.get("num_key_value_heads").asInt()
                * config.get("head_dim").asInt();

        assertThat(header.size()).isEqualTo(1 + 2 + 9 * layers); // metadata, embedding, last norm, layers
        assertShape(
                header, "model.embed_tokens.weight", config.get("vocab_size").asInt(), hidden);
        for (int layer = 0; layer < layers; layer++) {
            assertShape(header, "model.layers." + layer + ".self_attn.k_proj.weight", keys, hidden);
            assertShape(
                    header,
                    "model.layers." + layer + ".mlp.down_proj.weight",
                    hidden,
                    config.get("intermediate_size").asInt());
        }
    }

    private static JsonNode header() throws IOException {
        byte[] bytes = Files.readAllBytes(CommittedModel.FOLDER.resolve("model.safetensors"));
        int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        JsonNode header = JSON.readTree(new String(bytes, Long.BYTES, length, StandardCharsets.UTF_8));
        long end = 0;
        for (JsonNode tensor : header) {
            end = Math.max(end, tensor.path("data_offsets").path(1).asLong());
        }
        assertThat((long) Long.BYTES + length + end).isEqualTo(bytes.length);
        return header;
    }

    private static void assertShape(JsonNode header, String name, int rows, int columns) {
        assertThat(header.get(name).get("dtype").asText()).isEqualTo("BF16");
        assertThat(header.get(name).get("shape")).map(JsonNode::asInt).containsExactly(rows, columns);
    }
}

package io.sluice.modelstore;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Opens a model's chat template. Any thread.
final class ChatTemplates {
    private static final String DEFAULT = "default";
    private static final String FOR_TOOLS = "tool_use";

    private ChatTemplates() {}

    /// The template of a Hugging Face folder: in a file of its own, or in `tokenizer_config.json`.
    ///
    /// @throws ModelFileException if there is one that does not parse
    static Optional<ChatTemplate> fromFolder(Path folder) {
        Path config = folder.resolve("tokenizer_config.json");
        JsonNode values = TokenizerFromFolder.readJson(config).orElseGet(MissingNode::getInstance);
        Map<String, String> constants = specialTokens(values);
        Path own = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(own)) {
            Map<String, String> templates = new HashMap<>(Map.of(DEFAULT, readText(own)));
            Path forTools = folder.resolve("additional_chat_templates").resolve(FOR_TOOLS + ".jinja");
            if (Files.isRegularFile(forTools)) {
                templates.put(FOR_TOOLS, readText(forTools));
            }
            return open(own, templates, constants);
        }
        Path json = folder.resolve("chat_template.json");
        Optional<JsonNode> inJson = TokenizerFromFolder.readJson(json).map(node -> node.path("chat_template"));
        return inJson.isPresent()
                ? open(json, named(inJson.get()), constants)
                : open(config, named(values.path("chat_template")), constants);
    }

    /// The template in a GGUF file's keys.
    ///
    /// @param file for messages
    /// @throws ModelFileException if there is one that does not parse
    static Optional<ChatTemplate> fromGguf(Path file, GgufMetadata metadata) {
        Map<String, String> templates = new HashMap<>();
        metadata.string("tokenizer.chat_template").ifPresent(text -> templates.put(DEFAULT, text));
        metadata.string("tokenizer.chat_template." + FOR_TOOLS).ifPresent(text -> templates.put(FOR_TOOLS, text));
        List<String> tokens = metadata.strings("tokenizer.ggml.tokens");
        Map<String, String> constants = new HashMap<>();
        Map.of("bos_token", "bos", "eos_token", "eos", "unk_token", "unknown", "pad_token", "padding")
                .forEach((name, key) -> metadata.integer("tokenizer.ggml." + key + "_token_id")
                        .filter(id -> id >= 0 && id < tokens.size())
                        .ifPresent(id -> constants.put(name, tokens.get(id.intValue()))));
        return open(file, templates, constants);
    }

    /// One template as a string, or several with names.
    private static Map<String, String> named(JsonNode node) {
        Map<String, String> templates = new HashMap<>();
        if (node.isTextual()) {
            templates.put(DEFAULT, node.asText());
        }
        node.forEach(one ->
                templates.put(one.path("name").asText(), one.path("template").asText()));
        return templates;
    }

    private static Map<String, String> specialTokens(JsonNode config) {
        Map<String, String> tokens = new HashMap<>();
        config.properties().forEach(entry -> {
            JsonNode value = entry.getValue();
            JsonNode text = value.isObject() ? value.path("content") : value;
            if (entry.getKey().endsWith("_token") && text.isTextual()) {
                tokens.put(entry.getKey(), text.asText());
            }
        });
        return tokens;
    }

    private static String readText(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new ModelFileException(file, "cannot be read: " + e.getMessage(), e);
        }
    }

    private static Optional<ChatTemplate> open(
            Path file, Map<String, String> templates, Map<String, String> constants) {
        String text = templates.get(DEFAULT);
        if (text == null) {
            return Optional.empty();
        }
        ChatTemplate plain = parse(file, text, constants);
        String textForTools = templates.get(FOR_TOOLS);
        if (textForTools == null) {
            return Optional.of(plain);
        }
        ChatTemplate forTools = parse(file, textForTools, constants);
        return Optional.of(new WithToolUse(plain, forTools));
    }

    /// A template, and another one for conversations that offer tools.
    private record WithToolUse(ChatTemplate plain, ChatTemplate forTools) implements ChatTemplate {
        @Override
        public RenderedChat render(List<Map<String, Object>> messages, Map<String, Object> variables) {
            return (variables.get("tools") == null ? plain : forTools).render(messages, variables);
        }

        @Override
        public String source() {
            return forTools.source();
        }
    }

    private static ChatTemplate parse(Path file, String template, Map<String, String> constants) {
        try {
            return new JinjaTemplate(template, constants, Clock.system(ZoneId.systemDefault()));
        } catch (JinjaException e) {
            throw new ModelFileException(file, e.described(), e);
        }
    }
}

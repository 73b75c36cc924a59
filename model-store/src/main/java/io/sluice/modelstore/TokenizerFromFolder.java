package io.sluice.modelstore;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/// Reads `tokenizer.json` and takes out what Sluice does itself: special tokens, the beginning-of-sequence
/// token, truncation, padding. One thread.
final class TokenizerFromFolder {
    /// Vocabularies have up to about 262,000 tokens; an id far above is damage and would only cost memory.
    private static final int IDS_MAX = 1 << 22;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final ObjectNode root;
    private final ObjectNode model;
    private final JsonNode config;

    static TokenizerDefinition read(Path folder) {
        return new TokenizerFromFolder(folder).read();
    }

    private TokenizerFromFolder(Path folder) {
        file = folder.resolve("tokenizer.json");
        root = object(readJson(file)
                .orElseThrow(() -> new ModelFileException(file, "is missing: Sluice needs it to tokenise text")));
        model = object(root.path("model"));
        config = readJson(folder.resolve("tokenizer_config.json")).orElseGet(JSON::createObjectNode);
    }

    private ObjectNode object(JsonNode node) {
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw new ModelFileException(file, "is not a tokenizer: an object with 'model' in it was expected");
    }

    static Optional<JsonNode> readJson(Path file) {
        try {
            return Optional.of(JSON.readTree(Files.readAllBytes(file)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (JsonProcessingException e) {
            throw new ModelFileException(file, "is not valid JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ModelFileException(file, "cannot be read: " + e.getMessage(), e);
        }
    }

    private TokenizerDefinition read() {
        TokenizerSpelling spelling = spelling();
        boolean strips = stripsLeadingSpace(root.path("decoder"));
        OptionalInt prefixed = firstTokenOfPostProcessor();
        TokenizerSpacePrefix spacePrefix = takeFirstPieceRule(root.path("pre_tokenizer"));
        List<JsonNode> added = new ArrayList<>();
        root.path("added_tokens").forEach(added::add);
        String[] tokens = tokens(added);

        Set<String> named = namedSpecials();
        BitSet hidden = new BitSet();
        List<TokenizerSpecial> specials = new ArrayList<>();
        ArrayNode ordinary = JSON.createArrayNode();
        for (JsonNode token : added) {
            int id = token.path("id").asInt();
            String text = token.path("content").asText();
            hidden.set(id, token.path("special").asBoolean());
            if (hidden.get(id) || named.contains(text) || TokenizerSpecial.looksLikeControl(text)) {
                specials.add(special(token));
            } else {
                ordinary.add(token);
            }
        }
        addToVocabulary(added, tokens);
        root.set("added_tokens", ordinary);
        Stream.of("truncation", "padding", "post_processor").forEach(root::putNull);

        OptionalInt bos = id(tokens, configured("bos_token")).orElse(prefixed);
        boolean addBos = config.path("add_bos_token").asBoolean(prefixed.isPresent());
        return new TokenizerDefinition(
                file, root.toString(), tokens, specials, hidden, bos, addBos, spelling, spacePrefix, strips);
    }

    private static TokenizerSpecial special(JsonNode token) {
        return new TokenizerSpecial(
                token.path("id").asInt(),
                token.path("content").asText(),
                token.path("lstrip").asBoolean(),
                token.path("rstrip").asBoolean(),
                token.path("single_word").asBoolean());
    }

    private String[] tokens(List<JsonNode> added) {
        JsonNode vocabulary = model.path("vocab");
        Map<String, Integer> ids = new java.util.LinkedHashMap<>();
        if (vocabulary instanceof ArrayNode pieces) { // Unigram: [piece, score], the id is the place
            pieces.forEach(piece -> ids.put(piece.path(0).asText(), ids.size()));
        } else {
            vocabulary
                    .properties()
                    .forEach(entry -> ids.put(entry.getKey(), entry.getValue().asInt(-1)));
        }
        if (ids.isEmpty()) {
            throw new ModelFileException(file, "has no vocabulary");
        }
        added.forEach(token ->
                ids.put(token.path("content").asText(), token.path("id").asInt(-1)));
        int idMax = -1;
        for (Map.Entry<String, Integer> entry : ids.entrySet()) {
            if (entry.getValue() < 0 || entry.getValue() >= IDS_MAX) {
                throw new ModelFileException(file, "the token '" + entry.getKey() + "' has no usable id");
            }
            idMax = Math.max(idMax, entry.getValue());
        }
        String[] tokens = new String[idMax + 1];
        Arrays.fill(tokens, "");
        ids.forEach((token, id) -> tokens[id] = token);
        return tokens;
    }

    /// The native library numbers added tokens by itself, in order, unless the vocabulary has them: with the
    /// special ones gone it would count wrongly, so all go into the vocabulary.
    private void addToVocabulary(List<JsonNode> added, String[] tokens) {
        switch (model.path("vocab")) {
            case ObjectNode vocabulary ->
                added.forEach(token -> vocabulary.set(token.path("content").asText(), token.path("id")));
            case ArrayNode pieces -> {
                double lowest = 0;
                for (JsonNode piece : pieces) {
                    lowest = Math.min(lowest, piece.path(1).asDouble());
                }
                for (int id = pieces.size(); id < tokens.length; id++) {
                    pieces.addArray()
                            .add(tokens[id].isEmpty() ? "<unused " + id + ">" : tokens[id])
                            .add(lowest);
                }
            }
            default -> throw new ModelFileException(file, "has no vocabulary");
        }
    }

    private TokenizerSpelling spelling() {
        JsonNode decoder = root.path("decoder");
        if (types(decoder).contains("ByteLevel")
                || (types(decoder).isEmpty()
                        && types(root.path("pre_tokenizer")).contains("ByteLevel"))) {
            return TokenizerSpelling.BYTE_LEVEL;
        }
        if (types(decoder).contains("ByteFallback") || types(decoder).contains("Metaspace")) {
            return TokenizerSpelling.SENTENCE_PIECE;
        }
        throw new ModelFileException(
                file,
                "the decoder " + types(decoder) + " is of no kind that Sluice knows: byte-level BPE or SentencePiece");
    }

    /// The type of a component, or those of its parts.
    private static Set<String> types(JsonNode component) {
        Set<String> types = new HashSet<>();
        parts(component).forEach(part -> types.add(part.path("type").asText()));
        return types;
    }

    private static List<JsonNode> parts(JsonNode component) {
        List<JsonNode> parts = new ArrayList<>();
        switch (component.path("type").asText()) {
            case "" -> {}
            case "Sequence" ->
                Stream.of("decoders", "pretokenizers", "normalizers", "processors")
                        .forEach(list -> component.path(list).forEach(part -> parts.addAll(parts(part))));
            default -> parts.add(component);
        }
        return parts;
    }

    private static boolean stripsLeadingSpace(JsonNode decoder) {
        for (JsonNode part : parts(decoder)) {
            boolean strip = part.path("type").asText().equals("Strip")
                    && part.path("content").asText().equals(" ")
                    && part.path("start").asInt() > 0;
            if (strip || (isMetaspace(part) && prefixes(part))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isMetaspace(JsonNode part) {
        return part.path("type").asText().equals("Metaspace");
    }

    private static boolean prefixes(JsonNode metaspace) {
        return metaspace.has("prepend_scheme")
                ? !metaspace.path("prepend_scheme").asText().equals("never")
                : metaspace.path("add_prefix_space").asBoolean(true);
    }

    /// "A space before the first piece only" cannot be left to the native library, to which each piece is the
    /// first.
    private static TokenizerSpacePrefix takeFirstPieceRule(JsonNode preTokenizer) {
        for (JsonNode part : parts(preTokenizer)) {
            if (isMetaspace(part) && part.path("prepend_scheme").asText().equals("first")) {
                ((ObjectNode) part).put("prepend_scheme", "never");
                return TokenizerSpacePrefix.FIRST_PIECE;
            }
        }
        return TokenizerSpacePrefix.NONE;
    }

    /// The token that the post-processor puts first, if it does.
    private OptionalInt firstTokenOfPostProcessor() {
        for (JsonNode part : parts(root.path("post_processor"))) {
            String first =
                    part.path("single").path(0).path("SpecialToken").path("id").asText();
            JsonNode ids = part.path("special_tokens").path(first).path("ids");
            if (ids.path(0).isInt()) {
                return OptionalInt.of(ids.path(0).asInt());
            }
        }
        return OptionalInt.empty();
    }

    private Set<String> namedSpecials() {
        Set<String> named = new HashSet<>();
        config.properties().forEach(entry -> {
            if (entry.getKey().endsWith("_token")) {
                configured(entry.getKey()).ifPresent(named::add);
            }
        });
        return named;
    }

    /// A token of `tokenizer_config.json`: a string, or an object with its text as `content`.
    private Optional<String> configured(String key) {
        JsonNode token = config.path(key);
        JsonNode text = token.isObject() ? token.path("content") : token;
        return text.isTextual() ? Optional.of(text.asText()) : Optional.empty();
    }

    private static Optional<OptionalInt> id(String[] tokens, Optional<String> token) {
        int id = token.map(text -> Arrays.asList(tokens).indexOf(text)).orElse(-1);
        return id < 0 ? Optional.empty() : Optional.of(OptionalInt.of(id));
    }
}

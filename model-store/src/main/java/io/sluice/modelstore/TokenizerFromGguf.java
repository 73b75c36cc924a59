package io.sluice.modelstore;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/// Reads the tokenizer in a GGUF file's keys and writes it anew as a `tokenizer.json`, so that one
/// implementation encodes for all file formats. One thread.
///
/// Two kinds are known: `gpt2`, byte-level BPE with its merges, and `llama`, SentencePiece's BPE, whose
/// merges follow from the scores.
final class TokenizerFromGguf {
    private static final String PREFIX = "tokenizer.ggml.";

    // values of tokenizer.ggml.token_type
    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final GgufMetadata metadata;
    private final String[] tokens;
    private final int[] types;

    TokenizerFromGguf(Path file, GgufMetadata metadata) {
        this.file = file;
        this.metadata = metadata;
        tokens = metadata.strings(PREFIX + "tokens").toArray(String[]::new);
        if (tokens.length == 0) {
            throw new ModelFileException(file, "it has no vocabulary: the key " + PREFIX + "tokens is missing");
        }
        types = perToken(metadata.ints(PREFIX + "token_type"));
    }

    /// A file without types has normal tokens only.
    private int[] perToken(int[] stored) {
        if (stored.length != 0 && stored.length != tokens.length) {
            throw new ModelFileException(
                    file, PREFIX + "token_type has " + stored.length + " entries for " + tokens.length + " tokens");
        }
        int[] filled = stored.length == 0 ? new int[tokens.length] : stored.clone();
        if (stored.length == 0) {
            Arrays.fill(filled, NORMAL);
        }
        return filled;
    }

    TokenizerDefinition read() {
        String model = metadata.string(PREFIX + "model")
                .orElseThrow(() -> new ModelFileException(file, "the key " + PREFIX + "model is missing"));
        return switch (model) {
            case "gpt2" -> byteLevel();
            case "llama" -> sentencePiece();
            default ->
                throw new ModelFileException(
                        file, PREFIX + "model is '" + model + "': Sluice knows 'gpt2' and 'llama'");
        };
    }

    private TokenizerDefinition byteLevel() {
        String name = metadata.string(PREFIX + "pre").orElse("default");
        TokenizerPre pre = TokenizerPre.named(name)
                .orElseThrow(() -> new ModelFileException(
                        file, "the pre-tokenizer '" + name + "' (" + PREFIX + "pre) is not one that Sluice knows"));
        List<String> merges = metadata.strings(PREFIX + "merges");
        if (merges.isEmpty()) {
            throw new ModelFileException(file, "the key " + PREFIX + "merges is missing");
        }
        String json = json(generator -> {
            generator.writePOJOField("normalizer", pre.normalizesNfc() ? Map.of("type", "NFC") : null);
            generator.writePOJOField("pre_tokenizer", pre.json());
            generator.writeObjectFieldStart("model");
            generator.writeStringField("type", "BPE");
            generator.writeBooleanField("ignore_merges", pre.wholeWordsFirst());
            writeVocabulary(generator);
            generator.writeArrayFieldStart("merges");
            for (String merge : merges) {
                writeMerge(generator, merge, merge.indexOf(' ', 1));
            }
            generator.writeEndArray();
            generator.writeEndObject();
        });
        return definition(
                json, TokenizerSpelling.BYTE_LEVEL, TokenizerSpacePrefix.NONE, pre.addBos(), OptionalInt.empty());
    }

    private void writeMerge(JsonGenerator generator, String merge, int space) throws IOException {
        if (space < 0) {
            throw new ModelFileException(file, PREFIX + "merges has '" + merge + "', which is not two tokens");
        }
        generator.writeStartArray();
        generator.writeString(merge.substring(0, space));
        generator.writeString(merge.substring(space + 1));
        generator.writeEndArray();
    }

    private TokenizerDefinition sentencePiece() {
        boolean prefix = metadata.bool(PREFIX + "add_space_prefix").orElse(true);
        float[] scores = metadata.floats(PREFIX + "scores");
        if (scores.length != tokens.length) {
            throw new ModelFileException(
                    file, PREFIX + "scores has " + scores.length + " entries for " + tokens.length + " tokens");
        }
        int unknown = id("unknown_token_id").orElse(0);
        List<String[]> merges = new TokenizerScoreMerges(tokens, scores, mergeable()).inOrder();
        String space = String.valueOf(TokenizerSpelling.SPACE);
        String json = json(generator -> {
            generator.writePOJOField(
                    "normalizer", Map.of("type", "Replace", "pattern", Map.of("String", " "), "content", space));
            generator.writeNullField("pre_tokenizer");
            generator.writeObjectFieldStart("model");
            generator.writeStringField("type", "BPE");
            generator.writeStringField("unk_token", tokens[unknown]);
            generator.writeBooleanField("fuse_unk", true);
            generator.writeBooleanField("byte_fallback", true);
            writeVocabulary(generator);
            generator.writePOJOField("merges", merges);
            generator.writeEndObject();
        });
        return definition(
                json,
                TokenizerSpelling.SENTENCE_PIECE,
                prefix ? TokenizerSpacePrefix.EVERY_PIECE : TokenizerSpacePrefix.NONE,
                true,
                OptionalInt.of(1));
    }

    private BitSet mergeable() {
        BitSet ids = new BitSet();
        for (int id = 0; id < tokens.length; id++) {
            ids.set(id, types[id] == NORMAL || types[id] == USER_DEFINED);
        }
        return ids;
    }

    private TokenizerDefinition definition(
            String json,
            TokenizerSpelling spelling,
            TokenizerSpacePrefix spacePrefix,
            boolean addBosByDefault,
            OptionalInt bosByDefault) {
        OptionalInt bos = id("bos_token_id");
        BitSet hidden = new BitSet();
        List<TokenizerSpecial> specials = new ArrayList<>();
        Set<Integer> endings = endings();
        for (int id = 0; id < tokens.length; id++) {
            boolean control = types[id] == CONTROL || types[id] == UNKNOWN || endings.contains(id);
            hidden.set(id, control);
            if (control || TokenizerSpecial.looksLikeControl(tokens[id])) {
                specials.add(new TokenizerSpecial(id, tokens[id], false, false, false));
            }
        }
        return new TokenizerDefinition(
                file,
                json,
                tokens,
                specials,
                hidden,
                bos.isPresent() ? bos : bosByDefault,
                metadata.bool(PREFIX + "add_bos_token").orElse(addBosByDefault),
                spelling,
                spacePrefix,
                spacePrefix == TokenizerSpacePrefix.EVERY_PIECE);
    }

    /// Some files mark their end-of-turn token as an ordinary one; the keys know better.
    private Set<Integer> endings() {
        Set<Integer> ids = new HashSet<>();
        for (String key : List.of("bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id")) {
            id(key).ifPresent(ids::add);
        }
        return ids;
    }

    private OptionalInt id(String key) {
        long id = metadata.integer(PREFIX + key).orElse(-1L);
        if (id >= tokens.length && id != 0xFFFF_FFFFL) { // all ones: the file says that there is none
            throw new ModelFileException(
                    file, PREFIX + key + " is " + id + ", but the vocabulary has " + tokens.length + " tokens");
        }
        return id < 0 || id >= tokens.length ? OptionalInt.empty() : OptionalInt.of((int) id);
    }

    private interface Fields {
        void write(JsonGenerator generator) throws IOException;
    }

    /// A `tokenizer.json` with `fields`, and with the tokens that users may type although they are not made
    /// by merging.
    private String json(Fields fields) {
        StringWriter text = new StringWriter(tokens.length * 64);
        try (JsonGenerator generator = new JsonFactory(JSON).createGenerator(text)) {
            generator.writeStartObject();
            generator.writeStringField("version", "1.0");
            generator.writeArrayFieldStart("added_tokens");
            for (int id = 0; id < tokens.length; id++) {
                if (types[id] == USER_DEFINED && !TokenizerSpecial.looksLikeControl(tokens[id])) {
                    writeAddedToken(generator, id);
                }
            }
            generator.writeEndArray();
            fields.write(generator);
            generator.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter does not fail
        }
        return text.toString();
    }

    private void writeAddedToken(JsonGenerator generator, int id) throws IOException {
        generator.writeStartObject();
        generator.writeNumberField("id", id);
        generator.writeStringField("content", tokens[id]);
        for (String flag : List.of("single_word", "lstrip", "rstrip", "special")) {
            generator.writeBooleanField(flag, false);
        }
        // it is spelled as SentencePiece's normalised text spells it: with ▁ for a space
        generator.writeBooleanField("normalized", tokens[id].indexOf(TokenizerSpelling.SPACE) >= 0);
        generator.writeEndObject();
    }

    private void writeVocabulary(JsonGenerator generator) throws IOException {
        generator.writeObjectFieldStart("vocab");
        for (int id = 0; id < tokens.length; id++) {
            generator.writeNumberField(tokens[id], id);
        }
        generator.writeEndObject();
    }
}

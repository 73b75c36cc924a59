package io.sluice.modelstore;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A byte-level vocabulary with one merge: three special tokens, the 256 bytes, "he", and fillers up to any size.
final class TinyVocabulary {
    static final int END_OF_TEXT = 0;
    static final int START_OF_TURN = 1;
    static final int END_OF_TURN = 2;
    static final int FIRST_BYTE = 3;
    static final int SIZE_MIN = FIRST_BYTE + 256 + 1;

    private static final List<String> SPECIALS = List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>");
    private static final String CHAT_TEMPLATE =
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'"
                    + " + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    private TinyVocabulary() {}

    static List<String> tokens(int size) {
        if (size < SIZE_MIN) {
            throw new IllegalArgumentException(
                    "a byte-level vocabulary has at least " + SIZE_MIN + " tokens, not " + size);
        }
        List<String> tokens = new ArrayList<>(SPECIALS);
        int moved = 0;
        for (int b = 0; b < 256; b++) { // GPT-2's alphabet: bytes that do not print are moved to U+0100 and on
            boolean prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            tokens.add(Character.toString(prints ? b : 256 + moved++));
        }
        tokens.add("he");
        while (tokens.size() < size) {
            tokens.add("<filler" + tokens.size() + ">");
        }
        return tokens;
    }

    static GgufWriter describe(GgufWriter writer, int size) {
        int[] types = new int[size];
        Arrays.fill(types, 1); // normal
        Arrays.fill(types, 0, SPECIALS.size(), 3); // control
        return writer.string("tokenizer.ggml.model", "gpt2")
                .string("tokenizer.ggml.pre", "gpt-2")
                .strings("tokenizer.ggml.tokens", tokens(size))
                .ints("tokenizer.ggml.token_type", types)
                .strings("tokenizer.ggml.merges", List.of("h e"))
                .integer("tokenizer.ggml.bos_token_id", END_OF_TEXT)
                .integer("tokenizer.ggml.eos_token_id", END_OF_TURN)
                .bool("tokenizer.ggml.add_bos_token", false)
                .string("tokenizer.chat_template", CHAT_TEMPLATE);
    }

    static void writeFolder(Path folder, int size) {
        List<String> tokens = tokens(size);
        Map<String, Integer> vocab = new LinkedHashMap<>();
        tokens.forEach(token -> vocab.put(token, vocab.size()));
        Map<String, Object> byteLevel =
                Map.of("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true, "use_regex", true);
        Map<String, Object> tokenizer = new LinkedHashMap<>();
        tokenizer.put("version", "1.0");
        tokenizer.put(
                "added_tokens",
                SPECIALS.stream().map(t -> special(t, SPECIALS.indexOf(t))).toList());
        tokenizer.put("pre_tokenizer", byteLevel);
        tokenizer.put("decoder", byteLevel);
        tokenizer.put("model", Map.of("type", "BPE", "vocab", vocab, "merges", List.of("h e")));
        writeJson(folder.resolve("tokenizer.json"), tokenizer);
        writeJson(
                folder.resolve("tokenizer_config.json"),
                Map.of(
                        "tokenizer_class",
                        "PreTrainedTokenizerFast",
                        "bos_token",
                        SPECIALS.get(END_OF_TEXT),
                        "eos_token",
                        SPECIALS.get(END_OF_TURN),
                        "chat_template",
                        CHAT_TEMPLATE));
    }

    private static Map<String, Object> special(String token, int id) {
        return Map.of(
                "id",
                id,
                "content",
                token,
                "single_word",
                false,
                "lstrip",
                false,
                "rstrip",
                false,
                "normalized",
                false,
                "special",
                true);
    }

    private static void writeJson(Path file, Map<String, Object> json) {
        try {
            Files.write(file, new ObjectMapper().writeValueAsBytes(json));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

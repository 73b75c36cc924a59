package io.sluice.modelstore.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Vocabularies as tokenizers on bytes have them: all bytes, pieces of words and of JSON, cuts through
/// characters.
final class Vocabularies {
    private static final String MATERIAL =
            "{\"name\": \"Zoë\", \"ids\": [12, -3.50, 1e5], \"ok\": true, \"x\": null}\n\t"
                    + " the quick brown fox 2024-02-29T10:00:00Z \\u00e9 \\\"quoted\\\" 日本語 😀 a@b.example.org 127.0.0.1 false ";

    /// Enough for all kinds of tokens, small enough to try each.
    static final TokenVocabulary SMALL = made(1, 600);

    private Vocabularies() {}

    /// All 256 bytes, three special tokens, and `count` pieces of text cut anywhere between bytes.
    static TokenVocabulary made(long seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        List<byte[]> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) tokens.add(new byte[] {(byte) b});
        for (int i = 0; i < 3; i++) tokens.add(new byte[0]);
        byte[] material = MATERIAL.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < count; i++) {
            int from = random.nextInt(material.length - 10);
            tokens.add(Arrays.copyOfRange(material, from, from + 1 + random.nextInt(9)));
        }
        for (String piece : List.of(
                "\",", "\":", "\": ", "\", \"", "\"}", "},", "{\"", "[]", "{}", "[{\"", "]}", "}]", "\"]", "null,",
                "0,", "1]", "12}")) {
            tokens.add(piece.getBytes(StandardCharsets.UTF_8));
        }
        return TokenVocabulary.of(tokens);
    }
}

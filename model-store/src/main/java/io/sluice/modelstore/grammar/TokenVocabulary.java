package io.sluice.modelstore.grammar;

import io.sluice.modelstore.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The tokens that text can be made of, by their bytes. Special tokens are spelled so that no text can be one:
/// with a byte before their name that UTF-8 does not have. Immutable; any thread.
public final class TokenVocabulary {
    /// Precedes the name of a special token; no character has it.
    static final byte SPECIAL = (byte) 0xFF;

    private static final byte[] NONE = new byte[0];

    private final int size;
    private final byte[][] bytes; // [token]; empty for those that stand for no text
    private final Set<String> specials;
    private final TokenTrie trie;

    private TokenVocabulary(byte[][] bytes, Set<String> specials) {
        size = bytes.length;
        this.specials = Set.copyOf(specials);
        this.bytes = bytes;
        List<TokenTrie.Entry> entries = new ArrayList<>();
        for (int token = 0; token < size; token++) {
            if (bytes[token].length > 0) entries.add(new TokenTrie.Entry(bytes[token], 0, token));
        }
        trie = TokenTrie.of(entries);
    }

    /// The vocabulary of a model.
    ///
    /// @param size the numbers of logits; at least as many as the tokenizer has tokens
    public static TokenVocabulary of(Tokenizer tokenizer, int size) {
        byte[][] bytes = new byte[size][];
        Set<String> specials = new HashSet<>();
        for (int token = 0; token < size; token++) {
            if (token >= tokenizer.vocabSize()) {
                bytes[token] = NONE;
            } else if (tokenizer.isSpecial(token)) {
                specials.add(tokenizer.tokenText(token));
                bytes[token] = special(tokenizer.tokenText(token));
            } else {
                bytes[token] = ofText(tokenizer.tokenBytes(token));
            }
        }
        return new TokenVocabulary(bytes, specials);
    }

    /// How the special token `name` is spelled.
    static byte[] special(String name) {
        byte[] text = name.getBytes(StandardCharsets.UTF_8);
        byte[] bytes = new byte[text.length + 1];
        bytes[0] = SPECIAL;
        System.arraycopy(text, 0, bytes, 1, text.length);
        return bytes;
    }

    /// A token of bytes that no text has would only be in the way of special ones.
    private static byte[] ofText(byte[] bytes) {
        for (byte b : bytes) {
            if (b == SPECIAL) return NONE;
        }
        return bytes;
    }

    /// A vocabulary of these tokens.
    ///
    /// @param bytes of each token; empty for those that stand for no text
    public static TokenVocabulary of(List<byte[]> bytes) {
        return new TokenVocabulary(
                bytes.stream().map(one -> ofText(one).clone()).toArray(byte[][]::new), Set.of());
    }

    /// True if `name` is a special token, and not a text like others.
    boolean hasSpecial(String name) {
        return specials.contains(name);
    }

    public int size() {
        return size;
    }

    /// Words of a mask with one bit per token.
    public int maskLength() {
        return (size + 63) >>> 6;
    }

    /// Not to be changed.
    byte[] bytes(int token) {
        return bytes[token];
    }

    TokenTrie trie() {
        return trie;
    }
}

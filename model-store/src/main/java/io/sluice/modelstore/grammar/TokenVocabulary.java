package io.sluice.modelstore.grammar;

import io.sluice.modelstore.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/// The tokens that text can be made of, by their bytes. Special tokens are none of them. Immutable; any thread.
public final class TokenVocabulary {
    private final int size;
    private final byte[][] bytes; // [token]; empty for those that stand for no text
    private final TokenTrie trie;

    private TokenVocabulary(byte[][] bytes) {
        size = bytes.length;
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
        for (int token = 0; token < size; token++) {
            bytes[token] = token < tokenizer.vocabSize() ? tokenizer.tokenBytes(token) : new byte[0];
        }
        return new TokenVocabulary(bytes);
    }

    /// A vocabulary of these tokens.
    ///
    /// @param bytes of each token; empty for special ones
    public static TokenVocabulary of(List<byte[]> bytes) {
        return new TokenVocabulary(bytes.stream().map(byte[]::clone).toArray(byte[][]::new));
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

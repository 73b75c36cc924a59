package io.sluice.modelstore.grammar;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.SplittableRandom;

/// A model that knows nothing: it takes any token that the mask lets through. After a while it prefers tokens
/// that close something, or its outputs would rarely end.
final class Adversary {
    private static final int CLOSING_AFTER = 60;
    private static final int TOKENS_MAX = 4_000;

    private final CompiledGrammar grammar;
    private final SplittableRandom random;
    private final long[] mask;
    private final TokenVocabulary vocabulary;

    Adversary(CompiledGrammar grammar, SplittableRandom random) {
        this.grammar = grammar;
        this.random = random;
        vocabulary = grammar.vocabulary();
        mask = new long[vocabulary.maskLength()];
    }

    /// A complete output; empty if it had to be cut off. Broken UTF-8 and a mask without tokens are failures.
    Optional<String> write() {
        GrammarState state = grammar.begin();
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        for (int count = 0; count < TOKENS_MAX; count++) {
            if (state.isOver()) return Optional.of(text(output));
            if (state.isComplete() && random.nextInt(4) == 0) return Optional.of(text(output));
            state.fill(mask);
            int token = count < CLOSING_AFTER ? any() : closing();
            if (token < 0) {
                if (state.isComplete()) return Optional.of(text(output));
                throw new AssertionError("a dead end after " + output.toString(StandardCharsets.UTF_8));
            }
            if (!state.accept(token)) {
                throw new AssertionError("the mask allowed token " + token + ", which cannot follow "
                        + output.toString(StandardCharsets.UTF_8));
            }
            output.writeBytes(vocabulary.bytes(token));
        }
        return Optional.empty();
    }

    private static String text(ByteArrayOutputStream output) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(output.toByteArray()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new AssertionError("an output that is not UTF-8", e);
        }
    }

    private boolean isAllowed(int token) {
        return (mask[token >> 6] & 1L << token) != 0;
    }

    private int any() {
        int start = random.nextInt(vocabulary.size());
        for (int i = 0; i < vocabulary.size(); i++) {
            int token = (start + i) % vocabulary.size();
            if (isAllowed(token)) return token;
        }
        return -1;
    }

    private int closing() {
        for (int token = 0; token < vocabulary.size(); token++) {
            byte[] bytes = vocabulary.bytes(token);
            if (bytes.length == 1 && (bytes[0] == '}' || bytes[0] == ']' || bytes[0] == '"') && isAllowed(token)) {
                if (random.nextInt(8) > 0) return token;
            }
        }
        return any();
    }
}

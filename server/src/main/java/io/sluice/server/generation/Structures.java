package io.sluice.server.generation;

import io.sluice.batching.InvalidRequest;
import io.sluice.batching.TokenConstraint;
import io.sluice.modelstore.Tokenizer;
import io.sluice.modelstore.grammar.GrammarCache;
import io.sluice.modelstore.grammar.GrammarException;
import io.sluice.modelstore.grammar.TokenVocabulary;
import org.jspecify.annotations.Nullable;

/// Makes constraints of the structures that requests want, for one model. Any thread; the first request with a
/// structure waits until it is compiled.
final class Structures {
    private final GrammarCache grammars;

    /// @param vocabSize the numbers of logits; more than the tokenizer has tokens, if the model is padded
    Structures(Tokenizer tokenizer, int vocabSize) {
        grammars = new GrammarCache(() -> TokenVocabulary.of(tokenizer, vocabSize));
    }

    /// @throws InvalidRequest naming the field, if the structure cannot be had
    @Nullable
    TokenConstraint constraint(@Nullable WantedStructure wanted) {
        if (wanted == null) return null;
        try {
            return new GrammarConstraint(grammars.get(wanted.structure()));
        } catch (GrammarException e) {
            throw new InvalidRequest(wanted.parameter(), "cannot be followed: " + e.getMessage());
        }
    }
}

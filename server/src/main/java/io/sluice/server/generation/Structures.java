package io.sluice.server.generation;

import io.sluice.batching.InvalidRequest;
import io.sluice.batching.TokenConstraint;
import io.sluice.modelstore.Tokenizer;
import io.sluice.modelstore.grammar.GrammarCache;
import io.sluice.modelstore.grammar.GrammarException;
import io.sluice.modelstore.grammar.Structure;
import io.sluice.modelstore.grammar.TokenVocabulary;
import io.sluice.server.output.OutputRules;
import org.jspecify.annotations.Nullable;

/// Makes constraints of the structures that requests want, for one model. Any thread; the first request with a
/// structure waits until it is compiled.
final class Structures {
    /// Parts of a structure that are tried alone to find the one that is wrong: each may take as long as the whole.
    private static final int PARTS_TRIED_MAX = 32;

    private final GrammarCache grammars;

    /// @param vocabSize the numbers of logits; more than the tokenizer has tokens, if the model is padded
    Structures(Tokenizer tokenizer, int vocabSize) {
        grammars = new GrammarCache(() -> TokenVocabulary.of(tokenizer, vocabSize));
    }

    /// @param rules how the output is taken apart: what the model thinks first is not bound
    /// @param opensThinking the prompt has begun the reasoning
    /// @throws InvalidRequest naming the field, if the structure cannot be had
    @Nullable
    TokenConstraint constraint(@Nullable WantedStructure wanted, OutputRules rules, boolean opensThinking) {
        if (wanted == null) return null;
        try {
            return new GrammarConstraint(grammars.get(rules.withThought(wanted.structure(), opensThinking)));
        } catch (GrammarException e) {
            wanted.parts().entrySet().stream()
                    .limit(PARTS_TRIED_MAX)
                    .forEach(part -> tryAlone(part.getKey(), part.getValue()));
            throw impossible(wanted.parameter(), e);
        }
    }

    private void tryAlone(String parameter, Structure part) {
        try {
            grammars.get(part);
        } catch (GrammarException e) {
            throw impossible(parameter, e);
        }
    }

    private static InvalidRequest impossible(String parameter, GrammarException why) {
        return new InvalidRequest(parameter, "cannot be followed: " + why.getMessage());
    }
}

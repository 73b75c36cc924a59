package io.sluice.modelstore;

import java.util.List;
import java.util.Optional;

/// What the model's authors recommend (`generation_config.json`, GGUF keys): used where a request says nothing.
/// A value.
///
/// @param endTokens every id that ends an output, end-of-turn ids included
public record GenerationDefaults(
        Optional<Float> temperature,
        Optional<Float> topP,
        Optional<Integer> topK,
        Optional<Float> minP,
        Optional<Float> repetitionPenalty,
        List<Integer> endTokens) {
    public GenerationDefaults {
        endTokens = List.copyOf(endTokens);
    }
}

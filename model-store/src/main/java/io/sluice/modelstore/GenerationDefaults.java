package io.sluice.modelstore;

import java.util.List;
import java.util.Optional;

/// What the model's authors recommend (`generation_config.json`, GGUF keys): used where a request says nothing.
/// A value.
///
/// @param topK 0 or -1 for no limit
/// @param endTokens every id that ends an output, end-of-turn ids included
public record GenerationDefaults(
        Optional<Float> temperature,
        Optional<Float> topP,
        Optional<Integer> topK,
        Optional<Float> minP,
        Optional<Float> repetitionPenalty,
        List<Integer> endTokens) {

    /// @throws IllegalArgumentException if a value is outside its range, in one line
    public GenerationDefaults {
        within("temperature", temperature, 0, 100);
        within("top_p", topP, 0, 1);
        within("top_k", topK.map(Integer::floatValue), -1, Integer.MAX_VALUE);
        within("min_p", minP, 0, 1);
        within("repetition penalty", repetitionPenalty, 0, 100);
        endTokens = List.copyOf(endTokens);
    }

    private static void within(String what, Optional<Float> value, float min, float max) {
        value.filter(v -> !(v >= min && v <= max)).ifPresent(v -> {
            throw new IllegalArgumentException(what + " " + v + " is not in " + min + ".." + max);
        });
    }
}

package io.sluice.server.generation;

/// Tokens that a request took. A value.
///
/// @param prompt tokens of its prompts
/// @param cached of those, found in the prefix cache
/// @param completion tokens of all its choices, end tokens included
/// @param reasoning of those, spent on what the model thought before it answered, where that is told apart
public record Usage(int prompt, int cached, int completion, int reasoning) {
    public int total() {
        return prompt + completion;
    }
}

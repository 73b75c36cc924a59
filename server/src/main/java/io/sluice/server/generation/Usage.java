package io.sluice.server.generation;

/// Tokens that a request took. A value.
///
/// @param prompt tokens of its prompts
/// @param cached of those, found in the prefix cache
/// @param completion tokens of all its choices, end tokens included
public record Usage(int prompt, int cached, int completion) {
    public int total() {
        return prompt + completion;
    }
}

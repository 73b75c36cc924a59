package io.sluice.server.generation;

/// Tokens that a request took, and what they cost. A value.
///
/// @param prompt tokens of its prompts
/// @param cached of those, found in the prefix cache
/// @param completion tokens of all its choices, end tokens included
/// @param reasoning of those, spent on what the model thought before it answered, where that is told apart
public record Usage(int prompt, int cached, int completion, int reasoning, Expense expense) {

    /// Of a request that nothing was computed for.
    public Usage(int prompt, int cached, int completion, int reasoning) {
        this(prompt, cached, completion, reasoning, Expense.NONE);
    }

    public int total() {
        return prompt + completion;
    }
}

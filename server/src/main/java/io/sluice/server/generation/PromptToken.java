package io.sluice.server.generation;

import java.util.List;

/// A token of a prompt and how probable it was after those before it. A value.
///
/// @param text as it is spelled
/// @param textOffset where its text starts in the prompt's, in UTF-16 units
/// @param logprob natural logarithm of its probability; meaningless if it is the first
/// @param rank how many tokens were at least as likely, itself included; 0 for the prompt's first, which has nothing
/// before it
/// @param alternatives the likeliest, likeliest first
public record PromptToken(
        int id, String text, int textOffset, float logprob, int rank, List<PromptToken> alternatives) {

    /// True if nothing came before it.
    public boolean isFirst() {
        return rank == 0;
    }
}

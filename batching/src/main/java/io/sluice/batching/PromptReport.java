package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// What is found out about a prompt while it is computed, position by position. Written on the engine thread: by the
/// runner, which may write a position again after a failed step or a preemption, to no effect. Whoever reads it does
/// so once its stream has a token or has ended. Takes memory from its first position on, not while it waits.
public abstract sealed class PromptReport permits PromptLogprobs, PromptEmbedding {
    private final int promptLength;
    private int next; // the first position that nothing is known of
    private boolean broken;

    PromptReport(int promptLength, int next) {
        this.promptLength = promptLength;
        this.next = next;
    }

    /// The report that a wish asks for; null if it is none.
    static @Nullable PromptReport of(@Nullable PromptWish wish, int[] prompt) {
        return switch (wish) {
            case null -> null;
            case PromptWish.Logprobs(int topCount, boolean _) -> new PromptLogprobs(prompt, topCount);
            case PromptWish.Embedding(PromptWish.Pooling pooling) -> new PromptEmbedding(prompt.length, pooling);
        };
    }

    /// Tokens of the prompt.
    public int promptLength() {
        return promptLength;
    }

    /// True once it knows all there is to know.
    public boolean isComplete() {
        return next >= promptLength;
    }

    /// True if nothing more is to be found out at `position`.
    public boolean isKnown(int position) {
        return position < next;
    }

    /// True if a number that it was told is none.
    boolean isBroken() {
        return broken;
    }

    /// True if `position` is news. Then it is taken to be known.
    boolean advance(int position) {
        if (position < next) return false;
        Invariant.check(position == next, "a position of a prompt was passed over");
        next++;
        return true;
    }

    void requireNumber(float number) {
        if (!Float.isFinite(number)) broken = true;
    }
}

package io.sluice.batching;

/// What a request wants to know of its prompt, besides a continuation or in place of one. Whatever it is, every
/// position of the prompt has to be computed for it: blocks that others have computed are of no use. A value.
public sealed interface PromptWish {

    /// How probable each of its tokens was.
    ///
    /// @param topCount alternatives to report at each position
    /// @param alone nothing is to be generated after it
    record Logprobs(int topCount, boolean alone) implements PromptWish {
        public Logprobs {
            if (topCount < 0 || topCount > SamplingParams.TOP_LOGPROBS_MAX) {
                throw new InvalidRequest(
                        "prompt_logprobs",
                        "must be between 0 and " + SamplingParams.TOP_LOGPROBS_MAX + ", got " + topCount);
            }
        }
    }

    /// Its embedding, and no continuation.
    record Embedding(Pooling pooling) implements PromptWish {}

    /// How the hidden states of a prompt's tokens become one.
    enum Pooling {
        /// Their mean.
        MEAN,
        /// That of the last token.
        LAST
    }

    /// True if nothing is to be generated.
    default boolean isAll() {
        return switch (this) {
            case Logprobs(int _, boolean alone) -> alone;
            case Embedding _ -> true;
        };
    }
}

package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// A validated request: what to compute, how far, for whom. A value; the constructor is the last validation anyone
/// performs.
///
/// @param id unique name of the request, for logs and explanations
/// @param prompt token ids; not empty
/// @param maxNewTokens the most output tokens per choice; at least 1
/// @param choiceCount how many continuations of the same prompt (`n`)
/// @param sampling how tokens are chosen; choice `i` draws under a seed derived from `sampling.seed()` and `i`
/// @param endTokens ids that end the output; the end token itself is counted but not published; empty under
/// `ignore_eos`
/// @param caller who asks
/// @param prefixScope with whom computed blocks are shared
/// @param deadlines when no step is spent on it any more
/// @param constraint what each choice's output has to be; null if it may be anything
/// @param promptWish what is to be found out about the prompt; null if nothing is
public record GenerationRequest(
        String id,
        int[] prompt,
        int maxNewTokens,
        int choiceCount,
        SamplingParams sampling,
        int[] endTokens,
        Caller caller,
        PrefixScope prefixScope,
        Deadlines deadlines,
        @Nullable TokenConstraint constraint,
        @Nullable PromptWish promptWish) {

    /// The most continuations of one prompt.
    public static final int CHOICES_MAX = 128;

    public GenerationRequest {
        if (prompt.length == 0) throw new InvalidRequest("prompt", "is empty");
        if (maxNewTokens < 1) throw new InvalidRequest("max_tokens", "must be at least 1, got " + maxNewTokens);
        if (choiceCount < 1 || choiceCount > CHOICES_MAX) {
            throw new InvalidRequest("n", "must be between 1 and " + CHOICES_MAX + ", got " + choiceCount);
        }
        if (prefixScope.sharedTokens() > prompt.length) {
            throw new IllegalArgumentException("a shared prefix longer than the prompt");
        }
        prompt = prompt.clone();
        endTokens = endTokens.clone();
    }

    /// A request whose output may be anything.
    public GenerationRequest(
            String id,
            int[] prompt,
            int maxNewTokens,
            int choiceCount,
            SamplingParams sampling,
            int[] endTokens,
            Caller caller,
            PrefixScope prefixScope,
            Deadlines deadlines) {
        this(id, prompt, maxNewTokens, choiceCount, sampling, endTokens, caller, prefixScope, deadlines, null, null);
    }

    /// False if the prompt is all that matters.
    public boolean wantsOutput() {
        return promptWish == null || !promptWish.isAll();
    }

    /// Prompt and the longest possible output of one choice, in tokens.
    public long tokenCountMax() {
        return (long) prompt.length + maxNewTokens;
    }

    /// True if `token` ends the output.
    public boolean isEndToken(int token) {
        for (int endToken : endTokens) {
            if (endToken == token) return true;
        }
        return false;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof GenerationRequest that && id.equals(that.id) && Arrays.equals(prompt, that.prompt);
    }

    @Override
    public int hashCode() {
        return id.hashCode();
    }

    @Override
    public String toString() {
        return "GenerationRequest[%s, %d prompt tokens, at most %d new]".formatted(id, prompt.length, maxNewTokens);
    }
}

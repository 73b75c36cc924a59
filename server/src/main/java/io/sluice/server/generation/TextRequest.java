package io.sluice.server.generation;

import io.sluice.batching.GenerationRequest;
import io.sluice.batching.InvalidRequest;
import io.sluice.batching.PromptWish;
import io.sluice.server.output.OutputRules;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A request for text, whatever wire format it came in. A value.
///
/// @param id unique name of the request
/// @param prompts each gets `choiceCount` continuations
/// @param maxTokens the most output tokens per choice; null for as many as the context and the operator allow
/// @param stop texts that end a choice; not part of its output
/// @param stopTokens token ids that end a choice, besides the model's own
/// @param ignoreEndTokens go on where the model would end
/// @param output how its tokens become text
/// @param structure what each choice has to be; null if it may be anything
/// @param promptWish what is to be found out about the prompts; null if nothing is
public record TextRequest(
        String id,
        List<Prompt> prompts,
        @Nullable Integer maxTokens,
        int choiceCount,
        SamplingWishes sampling,
        List<String> stop,
        List<Integer> stopTokens,
        boolean ignoreEndTokens,
        Output output,
        @Nullable WantedStructure structure,
        @Nullable PromptWish promptWish) {

    /// How tokens become text. A value.
    ///
    /// @param showsStop the stop text that ended a choice is part of its output
    /// @param showsSpecials special tokens are shown as the vocabulary spells them
    /// @param rules how it is taken apart
    public record Output(boolean showsStop, boolean showsSpecials, OutputRules rules) {
        public Output with(OutputRules others) {
            return new Output(showsStop, showsSpecials, others);
        }

        public static final Output USUAL = new Output(false, false, OutputRules.TEXT);
    }

    /// The most prompts in one request for text.
    public static final int PROMPTS_MAX = 128;

    /// The most in one that wants to know of its prompts and nothing else: OpenAI's limit. There must be places for all
    /// of them in the queue, which is the smaller number as a rule.
    public static final int PROMPTS_ALONE_MAX = 2048;

    public TextRequest {
        prompts = List.copyOf(prompts);
        stop = List.copyOf(stop);
        stopTokens = List.copyOf(stopTokens);
        if (prompts.isEmpty()) throw new InvalidRequest("prompt", "is empty");
        int promptsMax = promptWish != null && promptWish.isAll() ? PROMPTS_ALONE_MAX : PROMPTS_MAX;
        if (prompts.size() > promptsMax) {
            throw new InvalidRequest("prompt", "holds " + prompts.size() + " prompts; at most " + promptsMax);
        }
        if (choiceCount < 1 || choiceCount > GenerationRequest.CHOICES_MAX) {
            throw new InvalidRequest(
                    "n", "must be between 1 and " + GenerationRequest.CHOICES_MAX + ", got " + choiceCount);
        }
        if (maxTokens != null && maxTokens < 1) {
            throw new InvalidRequest("max_tokens", "must be at least 1, got " + maxTokens);
        }
    }

    /// The fewest tokens that the request can be said to want before its prompts are tokenised: its outputs'
    /// limits, if it names one, and at least one token per prompt.
    public long tokensWanted() {
        long outputs = (long) prompts.size() * choiceCount * (maxTokens == null ? 1 : maxTokens);
        return prompts.size() + outputs;
    }

    /// True if each token's log-probability is reported.
    public boolean wantsLogprobs() {
        return sampling.wantsLogprobs();
    }
}

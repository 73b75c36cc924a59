package io.sluice.batching;

import java.util.Map;

/// How one request's next token is chosen from the logits. A value; the constructor is the proof of validity.
///
/// Order of application, as in vLLM: `logitBias`, `minTokens` (end-of-sequence ids masked), repetition, frequency and
/// presence penalties, the request's constraint, temperature, `topK`, `topP`, `minP`, then one draw. Randomness is
/// counter based: the draw at a position depends on `seed` and that position alone, so batching, chunking and
/// preemption cannot change it.
///
/// @param temperature 0 is greedy; at most 2
/// @param topP nucleus in (0, 1]; 1 is off
/// @param topK most likely tokens kept; 0 is off
/// @param minP least probability relative to the most likely token, in [0, 1]; 0 is off
/// @param seed the key of the counter-based generator
/// @param frequencyPenalty subtracted once per earlier output occurrence, in [-2, 2]
/// @param presencePenalty subtracted if the token occurred in the output, in [-2, 2]
/// @param repetitionPenalty divides (positive) or multiplies (negative) logits of tokens in prompt or output; 1 is off
/// @param minTokens output tokens before an end token may be chosen
/// @param logitBias added to the logits of these token ids
/// @param topLogprobs alternatives to report at each position; `NO_LOGPROBS` reports nothing, 0 the chosen token only
public record SamplingParams(
        float temperature,
        float topP,
        int topK,
        float minP,
        long seed,
        float frequencyPenalty,
        float presencePenalty,
        float repetitionPenalty,
        int minTokens,
        Map<Integer, Float> logitBias,
        int topLogprobs) {

    /// `topLogprobs` of a request that asked for no log-probabilities.
    public static final int NO_LOGPROBS = -1;

    /// The most alternatives a request may ask for at each position; runners size their buffers by it.
    public static final int TOP_LOGPROBS_MAX = 20;

    /// The most likely token, always.
    public static final SamplingParams GREEDY =
            new SamplingParams(0f, 1f, 0, 0f, 0L, 0f, 0f, 1f, 0, Map.of(), NO_LOGPROBS);

    public SamplingParams {
        require(temperature >= 0f && temperature <= 2f, "temperature", "between 0 and 2", temperature);
        require(topP > 0f && topP <= 1f, "top_p", "greater than 0 and at most 1", topP);
        require(topK >= 0, "top_k", "at least 0", topK);
        require(minP >= 0f && minP <= 1f, "min_p", "between 0 and 1", minP);
        require(
                frequencyPenalty >= -2f && frequencyPenalty <= 2f,
                "frequency_penalty",
                "between -2 and 2",
                frequencyPenalty);
        require(
                presencePenalty >= -2f && presencePenalty <= 2f,
                "presence_penalty",
                "between -2 and 2",
                presencePenalty);
        require(
                repetitionPenalty > 0f && repetitionPenalty <= 10f,
                "repetition_penalty",
                "greater than 0 and at most 10",
                repetitionPenalty);
        require(minTokens >= 0, "min_tokens", "at least 0", minTokens);
        require(
                topLogprobs >= NO_LOGPROBS && topLogprobs <= TOP_LOGPROBS_MAX,
                "top_logprobs",
                "between 0 and " + TOP_LOGPROBS_MAX,
                topLogprobs);
        logitBias = Map.copyOf(logitBias);
    }

    /// True if choosing a token needs the tokens before it.
    public boolean usesHistory() {
        return frequencyPenalty != 0f || presencePenalty != 0f || repetitionPenalty != 1f;
    }

    /// True if no randomness is involved.
    public boolean isGreedy() {
        return temperature == 0f;
    }

    /// The same parameters under another seed, for the further choices of one request.
    public SamplingParams withSeed(long otherSeed) {
        return new SamplingParams(
                temperature,
                topP,
                topK,
                minP,
                otherSeed,
                frequencyPenalty,
                presencePenalty,
                repetitionPenalty,
                minTokens,
                logitBias,
                topLogprobs);
    }

    /// The same without a report.
    SamplingParams withoutLogprobs() {
        return new SamplingParams(
                temperature,
                topP,
                topK,
                minP,
                seed,
                frequencyPenalty,
                presencePenalty,
                repetitionPenalty,
                minTokens,
                logitBias,
                NO_LOGPROBS);
    }

    private static void require(boolean holds, String parameter, String range, Number actual) {
        if (!holds) throw new InvalidRequest(parameter, "must be " + range + ", got " + actual);
    }
}

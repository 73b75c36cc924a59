package io.sluice.server.generation;

import io.sluice.batching.SamplingParams;
import io.sluice.modelstore.GenerationDefaults;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/// How a request wants its tokens chosen; null where it says nothing. A value; ranges are `SamplingParams`' business.
///
/// @param topLogprobs alternatives to report at each position, or `SamplingParams.NO_LOGPROBS`
public record SamplingWishes(
        @Nullable Float temperature,
        @Nullable Float topP,
        @Nullable Integer topK,
        @Nullable Float minP,
        @Nullable Long seed,
        @Nullable Float frequencyPenalty,
        @Nullable Float presencePenalty,
        @Nullable Float repetitionPenalty,
        int minTokens,
        Map<Integer, Float> logitBias,
        int topLogprobs) {

    /// Of a request that has nothing to choose.
    public static final SamplingWishes NONE =
            new SamplingWishes(null, null, null, null, 0L, null, null, null, 0, Map.of(), SamplingParams.NO_LOGPROBS);

    /// The parameters that apply: the request's own word, else the model's recommendation, else no effect. A request
    /// without a seed gets a fresh one.
    ///
    /// @throws io.sluice.batching.InvalidRequest if a value is out of its range
    SamplingParams over(GenerationDefaults model) {
        return new SamplingParams(
                temperature != null ? temperature : model.temperature().orElse(1f),
                topP != null ? topP : model.topP().orElse(1f),
                // Both 0 and -1 say "all tokens" in this field's various dialects.
                topK != null ? (topK == -1 ? 0 : topK) : model.topK().orElse(0),
                minP != null ? minP : model.minP().orElse(0f),
                seed != null ? seed : ThreadLocalRandom.current().nextLong(),
                frequencyPenalty != null ? frequencyPenalty : 0f,
                presencePenalty != null ? presencePenalty : 0f,
                repetitionPenalty != null
                        ? repetitionPenalty
                        : model.repetitionPenalty().orElse(1f),
                minTokens,
                logitBias,
                topLogprobs);
    }

    boolean wantsLogprobs() {
        return topLogprobs != SamplingParams.NO_LOGPROBS;
    }
}

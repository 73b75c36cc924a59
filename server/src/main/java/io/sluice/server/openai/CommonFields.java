package io.sluice.server.openai;

import static io.sluice.batching.SamplingParams.NO_LOGPROBS;
import static io.sluice.batching.SamplingParams.TOP_LOGPROBS_MAX;

import io.sluice.batching.PromptWish;
import io.sluice.server.access.BodyWishes;
import io.sluice.server.access.ServiceTier;
import io.sluice.server.generation.SamplingWishes;
import io.sluice.server.generation.TextRequest;
import io.sluice.server.http.ApiError;
import io.sluice.server.output.OutputRules;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The fields that both completion APIs share. A value; any thread.
///
/// @param model the name the client used, null if it named none
/// @param maxTokensField what the client calls the output's limit
public record CommonFields(
        @Nullable String model,
        boolean stream,
        StreamOptions streamOptions,
        @Nullable Integer maxTokens,
        String maxTokensField,
        int choiceCount,
        List<String> stop,
        List<Integer> stopTokens,
        boolean ignoreEndTokens,
        TextRequest.Output output,
        BodyWishes wishes) {

    /// The newer name of the output's limit wins over the older one.
    private static final String NEW_LIMIT = "max_completion_tokens";

    private static final String OLD_LIMIT = "max_tokens";
    private static final int STOPS_MAX = 4;
    private static final int STOP_TOKENS_MAX = 128;
    private static final float BIAS_MAX = 100f;

    static CommonFields parse(Fields fields) {
        Integer choiceCount = fields.integer("n");
        return new CommonFields(
                fields.string("model"),
                fields.isTrue("stream"),
                StreamOptions.parse(fields),
                maxTokens(fields),
                fields.has(NEW_LIMIT) ? NEW_LIMIT : OLD_LIMIT,
                choiceCount == null ? 1 : choiceCount,
                stops(fields),
                stopTokens(fields),
                fields.isTrue("ignore_eos"),
                output(fields),
                BodyFields.wishes(fields));
    }

    /// Of a request for embeddings, whose answer is no text.
    static CommonFields ofEmbeddings(Fields fields) {
        return new CommonFields(
                fields.string("model"),
                false,
                StreamOptions.NONE,
                1,
                OLD_LIMIT,
                1,
                List.of(),
                List.of(),
                false,
                TextRequest.Output.USUAL,
                BodyFields.wishes(fields));
    }

    /// What answers say of the service tier; null unless the request asked for one.
    @Nullable
    public String servedTier() {
        return wishes.serviceTier().map(ServiceTier::served).orElse(null);
    }

    /// vLLM's names, and SGLang's for the first.
    private static TextRequest.Output output(Fields fields) {
        boolean showsStop = fields.isTrue("include_stop_str_in_output") || fields.isTrue("no_stop_trim");
        return new TextRequest.Output(showsStop, !fields.isTrue("skip_special_tokens", true), OutputRules.TEXT);
    }

    /// @param topLogprobs as `SamplingParams` has it; the two APIs ask for it in different fields
    static SamplingWishes sampling(Fields fields, int topLogprobs) {
        Integer minTokens = fields.integer("min_tokens");
        return new SamplingWishes(
                fields.number("temperature"),
                fields.number("top_p"),
                fields.integer("top_k"),
                fields.number("min_p"),
                fields.longInteger("seed"),
                fields.number("frequency_penalty"),
                fields.number("presence_penalty"),
                fields.number("repetition_penalty"),
                minTokens == null ? 0 : minTokens,
                logitBias(fields),
                topLogprobs);
    }

    /// `count` alternatives, if that many can be had.
    static int topLogprobs(String field, @Nullable Integer count) {
        if (count == null) return NO_LOGPROBS;
        if (count < 0 || count > TOP_LOGPROBS_MAX) {
            throw Fields.wrongAt(field, "between 0 and " + TOP_LOGPROBS_MAX, count);
        }
        return count;
    }

    /// vLLM's `prompt_logprobs`; null if nothing is asked.
    @Nullable
    PromptWish promptLogprobs(Fields fields) {
        Integer count = fields.integer("prompt_logprobs");
        if (count == null) return null;
        if (count < 0 || count > TOP_LOGPROBS_MAX) {
            throw fields.wrong("prompt_logprobs", "between 0 and " + TOP_LOGPROBS_MAX, count);
        }
        refuseInStream("prompt_logprobs");
        return new PromptWish.Logprobs(count, false);
    }

    /// What is said of a prompt is said at once, when all of it is known.
    void refuseInStream(String field) {
        if (!stream) return;
        throw ApiError.invalid(
                400,
                field,
                "unsupported_parameter",
                field + " is not supported in a stream: log-probabilities of a prompt come with whole answers.");
    }

    private static @Nullable Integer maxTokens(Fields fields) {
        for (String name : List.of(NEW_LIMIT, OLD_LIMIT)) {
            Integer value = fields.integer(name);
            if (value == null) continue;
            if (value < 1) throw fields.wrong(name, "at least 1", value);
            return value;
        }
        return null;
    }

    private static List<String> stops(Fields fields) {
        List<String> stops = new ArrayList<>();
        switch (fields.any("stop")) {
            case null -> {}
            case String stop -> stops.add(stop);
            case List<?> list -> {
                for (Object stop : list) {
                    if (!(stop instanceof String text)) throw fields.wrong("stop", "a string or strings", stop);
                    stops.add(text);
                }
            }
            case Object other -> throw fields.wrong("stop", "a string or an array of strings", other);
        }
        if (stops.size() > STOPS_MAX) {
            throw ApiError.invalid(
                    "stop", "stop holds " + stops.size() + " strings; at most " + STOPS_MAX + " are allowed.");
        }
        if (stops.contains("")) throw ApiError.invalid("stop", "stop must not hold an empty string.");
        return stops;
    }

    private static List<Integer> stopTokens(Fields fields) {
        List<Object> ids = fields.list("stop_token_ids");
        if (ids == null) return List.of();
        if (ids.size() > STOP_TOKENS_MAX) {
            throw ApiError.invalid(
                    "stop_token_ids",
                    "stop_token_ids holds " + ids.size() + " ids; at most " + STOP_TOKENS_MAX + " are allowed.");
        }
        List<Integer> tokens = new ArrayList<>();
        for (Object id : ids) tokens.add(tokenId("stop_token_ids", id));
        return tokens;
    }

    static int tokenId(String path, Object value) {
        if (value instanceof Long id && id >= 0 && id <= Integer.MAX_VALUE) return (int) (long) id;
        throw Fields.wrongAt(path, "made of token ids", value);
    }

    private static Map<Integer, Float> logitBias(Fields fields) {
        Fields biases = fields.object("logit_bias");
        if (biases == null) return Map.of();
        Map<Integer, Float> parsed = new HashMap<>();
        for (String key : biases.values().keySet()) {
            Float bias = biases.number(key);
            if (bias == null || Math.abs(bias) > BIAS_MAX) {
                throw ApiError.invalid(
                        "logit_bias", "logit_bias values must be between -100 and 100, got " + bias + ".");
            }
            try {
                parsed.put(Integer.parseInt(key), bias);
            } catch (NumberFormatException e) {
                throw Fields.wrongAt("logit_bias", "an object whose keys are token ids", key);
            }
        }
        return parsed;
    }
}

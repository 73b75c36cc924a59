package io.sluice.server.openai;

import io.sluice.batching.PromptWish;
import io.sluice.server.generation.Prompt;
import io.sluice.server.generation.SamplingWishes;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.generation.TextRequest;
import io.sluice.server.http.ApiError;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A request to `/v1/embeddings`, parsed and checked. A value.
record EmbeddingRequest(CommonFields common, TextRequest text, EmbeddingFormat.Shape shape) {
    static final String INPUT = "input";

    /// Fields of other servers that would change the numbers.
    private static final List<String> IMPOSSIBLE =
            List.of("truncate_prompt_tokens", "truncation_side", "mm_processor_kwargs", "messages");

    /// @param id name of the request
    static EmbeddingRequest parse(Map<String, Object> json, String id, ServedModel model) {
        Fields fields = Fields.of(json);
        for (String name : IMPOSSIBLE) {
            if (fields.has(name)) {
                throw ApiError.invalid(
                        400, name, "unsupported_parameter", name + " is not supported by this server: send input.");
            }
        }
        CommonFields common = CommonFields.ofEmbeddings(fields);
        ServedModel.Embeddings made = model.traits().embeddings();
        TextRequest text = new TextRequest(
                id,
                prompts(fields),
                1,
                1,
                SamplingWishes.NONE,
                List.of(),
                List.of(),
                false,
                TextRequest.Output.USUAL,
                null,
                new PromptWish.Embedding(pooling(fields, made)));
        EmbeddingFormat.Shape shape =
                new EmbeddingFormat.Shape(width(fields, made), isBase64(fields), fields.isTrue("normalize", true));
        return new EmbeddingRequest(common, text, shape);
    }

    private static List<Prompt> prompts(Fields fields) {
        List<Prompt> prompts = Prompts.parse(fields, INPUT);
        if (prompts.size() > TextRequest.PROMPTS_ALONE_MAX) {
            throw ApiError.invalid(
                    INPUT,
                    "input holds " + prompts.size() + " texts; at most " + TextRequest.PROMPTS_ALONE_MAX
                            + " are taken at once: send several requests.");
        }
        return prompts;
    }

    private static int width(Fields fields, ServedModel.Embeddings made) {
        Integer dimensions = fields.integer("dimensions");
        if (dimensions == null) return made.width();
        if (dimensions < 1 || dimensions > made.width()) {
            throw fields.wrong("dimensions", "between 1 and " + made.width() + ", the model's own", dimensions);
        }
        return dimensions;
    }

    private static boolean isBase64(Fields fields) {
        String format = fields.string("encoding_format");
        return switch (format == null ? "float" : format) {
            case "float" -> false;
            case "base64" -> true;
            case String other -> throw fields.wrong("encoding_format", "float or base64", other);
        };
    }

    private static PromptWish.Pooling pooling(Fields fields, ServedModel.Embeddings made) {
        @Nullable String word = fields.string("pooling");
        if (word == null) return made.pooling();
        for (PromptWish.Pooling pooling : PromptWish.Pooling.values()) {
            if (pooling.name().toLowerCase(Locale.ROOT).equals(word)) return pooling;
        }
        throw fields.wrong("pooling", "mean or last", word);
    }
}

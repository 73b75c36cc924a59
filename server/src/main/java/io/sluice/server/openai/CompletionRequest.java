package io.sluice.server.openai;

import io.sluice.modelstore.Tokenizer;
import io.sluice.server.generation.Prompt;
import io.sluice.server.generation.TextRequest;
import io.sluice.server.http.ApiError;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A request to `/v1/completions`, parsed and checked as far as that can be done without the model. A value.
record CompletionRequest(CommonFields common, TextRequest text, boolean echo) {

    /// What each choice begins with: nothing unless the prompts are echoed.
    List<String> echoes(Tokenizer tokenizer) {
        if (!echo) return List.of();
        List<String> echoes = new ArrayList<>();
        for (Prompt prompt : text.prompts()) {
            String own = switch (prompt) {
                case Prompt.Text(String said) -> said;
                case Prompt.Tokens(int[] ids) -> tokenizer.decode(ids);
                case Prompt.Chat _ -> throw new IllegalStateException("a completion has no conversation");
            };
            for (int i = 0; i < text.choiceCount(); i++) echoes.add(own);
        }
        return echoes;
    }

    /// @param id name of the request
    static CompletionRequest parse(Map<String, Object> json, String id) {
        UnsupportedFields.refuseInCompletions(json);
        Fields fields = Fields.of(json);
        CommonFields common = CommonFields.parse(fields);
        TextRequest text = new TextRequest(
                id,
                prompts(fields),
                common.maxTokens(),
                common.choiceCount(),
                CommonFields.sampling(fields, CommonFields.topLogprobs("logprobs", fields.integer("logprobs"))),
                common.stop(),
                common.stopTokens(),
                common.ignoreEndTokens(),
                common.output(),
                StructureFields.parse(fields));
        boolean echo = fields.isTrue("echo");
        if (echo && text.wantsLogprobs()) {
            throw ApiError.invalid(
                    400,
                    "echo",
                    "unsupported_parameter",
                    "echo together with logprobs is not supported: this server has no log-probabilities of prompts.");
        }
        return new CompletionRequest(common, text, echo);
    }

    /// A string, several strings, token ids, or several lists of token ids.
    private static List<Prompt> prompts(Fields fields) {
        return switch (fields.any("prompt")) {
            case null -> throw ApiError.invalid("prompt", "prompt is missing.");
            case String text -> List.of(new Prompt.Text(text));
            case List<?> list when list.isEmpty() -> throw ApiError.invalid("prompt", "prompt is empty.");
            case List<?> list when list.getFirst() instanceof Long -> List.of(tokens(list));
            case List<?> list -> {
                List<Prompt> prompts = new ArrayList<>(list.size());
                for (Object one : list) prompts.add(onePrompt(one));
                yield prompts;
            }
            case Object other -> throw fields.wrong("prompt", EXPECTED, other);
        };
    }

    private static final String EXPECTED = "a string, an array of strings, or an array of token ids";

    private static Prompt onePrompt(Object prompt) {
        return switch (prompt) {
            case String text -> new Prompt.Text(text);
            case List<?> ids -> tokens(ids);
            default -> throw Fields.wrongAt("prompt", EXPECTED, prompt);
        };
    }

    private static Prompt.Tokens tokens(List<?> ids) {
        return new Prompt.Tokens(
                ids.stream().mapToInt(id -> CommonFields.tokenId("prompt", id)).toArray());
    }
}

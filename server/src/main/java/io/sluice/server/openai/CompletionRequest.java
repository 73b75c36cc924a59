package io.sluice.server.openai;

import static io.sluice.batching.SamplingParams.NO_LOGPROBS;

import io.sluice.batching.PromptWish;
import io.sluice.modelstore.Tokenizer;
import io.sluice.server.generation.Prompt;
import io.sluice.server.generation.TextRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A request to `/v1/completions`, parsed and checked as far as that can be done without the model. A value.
///
/// @param echo each choice begins with its prompt
record CompletionRequest(CommonFields common, TextRequest text, boolean echo, CompletionFormat.Asked logprobs) {
    private static final String LIMIT = "max_tokens";

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
        boolean echo = fields.isTrue("echo");
        boolean promptOnly = asksForNothingNew(fields, echo);
        CommonFields common = CommonFields.parse(promptOnly ? withOneToken(fields) : fields);
        TextRequest text = new TextRequest(
                id,
                Prompts.parse(fields, "prompt"),
                common.maxTokens(),
                common.choiceCount(),
                CommonFields.sampling(fields, CommonFields.topLogprobs("logprobs", fields.integer("logprobs"))),
                common.stop(),
                common.stopTokens(),
                common.ignoreEndTokens(),
                common.output(),
                StructureFields.parse(fields),
                promptWish(fields, common, echo, promptOnly));
        Integer promptTop = fields.integer("prompt_logprobs");
        int shown = promptTop == null ? NO_LOGPROBS : promptTop;
        return new CompletionRequest(
                common, text, echo, new CompletionFormat.Asked(text.sampling().topLogprobs(), shown));
    }

    /// `max_tokens` 0, where something is told all the same: the prompt and its log-probabilities.
    private static boolean asksForNothingNew(Fields fields, boolean echo) {
        Long limit = fields.longInteger(LIMIT);
        return limit != null && limit == 0 && (echo || fields.has("prompt_logprobs"));
    }

    private static Fields withOneToken(Fields fields) {
        Map<String, Object> values = new HashMap<>(fields.values());
        values.put(LIMIT, 1L); // room for one is kept, and none is computed
        return new Fields(values, fields.path());
    }

    /// An echo has log-probabilities as the rest of the choice does.
    private static @Nullable PromptWish promptWish(
            Fields fields, CommonFields common, boolean echo, boolean promptOnly) {
        PromptWish asked = common.promptLogprobs(fields);
        Integer echoed = echo ? fields.integer("logprobs") : null;
        if (asked == null && echoed == null && !promptOnly) return null;
        int own = asked instanceof PromptWish.Logprobs(int count, boolean _) ? count : 0;
        return new PromptWish.Logprobs(Math.max(own, echoed == null ? 0 : echoed), promptOnly);
    }
}

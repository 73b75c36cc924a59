package io.sluice.server.openai;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The answer of `/v1/completions`. One request, one thread.
final class CompletionFormat implements AnswerFormat {
    private final byte[] head;
    private final boolean logprobs;

    CompletionFormat(String id, long createdSecond, String model, boolean logprobs) {
        this.head = FormatParts.head(id, "text_completion", createdSecond, model);
        this.logprobs = logprobs;
    }

    @Override
    public boolean hasOpening() {
        return false;
    }

    @Override
    public void opening(JsonOut out, int choice) {
        throw new IllegalStateException("a completion has no opening chunk");
    }

    @Override
    public void delta(JsonOut out, Delta delta) {
        out.raw(head);
        choice(out, delta.choice(), delta.text(), delta.logprobs(), null);
        out.raw("]}");
    }

    @Override
    public void finish(JsonOut out, int choice, String reason) {
        out.raw(head)
                .raw("{\"index\":")
                .number(choice)
                .raw(",\"text\":\"\",\"logprobs\":null,\"finish_reason\":")
                .string(reason)
                .raw("}]}");
    }

    @Override
    public void usage(JsonOut out, Usage usage) {
        out.raw(head).raw("]");
        FormatParts.usage(out, usage);
        out.raw("}");
    }

    @Override
    public void whole(JsonOut out, List<WholeChoice> choices, Usage usage) {
        out.raw(head);
        for (int i = 0; i < choices.size(); i++) {
            WholeChoice choice = choices.get(i);
            if (i > 0) out.raw(",");
            choice(out, i, choice.text(), choice.logprobs(), FormatParts.finishReason(choice.finish()));
        }
        out.raw("]");
        FormatParts.usage(out, usage);
        out.raw("}");
    }

    private void choice(JsonOut out, int index, String text, List<TokenLogprob> tokens, @Nullable String finishReason) {
        out.raw("{\"index\":").number(index).raw(",\"text\":").string(text).raw(",\"logprobs\":");
        logprobs(out, tokens);
        out.raw(",\"finish_reason\":").string(finishReason).raw("}");
    }

    /// Four parallel arrays, as this older API has it.
    private void logprobs(JsonOut out, List<TokenLogprob> tokens) {
        if (!logprobs) {
            out.raw("null");
            return;
        }
        out.raw("{\"tokens\":");
        array(out, tokens, token -> out.string(token.token()));
        out.raw(",\"token_logprobs\":");
        array(out, tokens, token -> out.number(token.logprob()));
        out.raw(",\"top_logprobs\":");
        array(out, tokens, token -> alternatives(out, token));
        out.raw(",\"text_offset\":");
        array(out, tokens, token -> out.number(token.textOffset()));
        out.raw("}");
    }

    private static void alternatives(JsonOut out, TokenLogprob token) {
        out.raw("{");
        for (int rank = 0; rank < token.alternatives().size(); rank++) {
            TokenLogprob alternative = token.alternatives().get(rank);
            out.raw(rank == 0 ? "" : ",").string(alternative.token()).raw(":").number(alternative.logprob());
        }
        out.raw("}");
    }

    private static void array(JsonOut out, List<TokenLogprob> tokens, Consumer<TokenLogprob> element) {
        out.raw("[");
        for (int i = 0; i < tokens.size(); i++) {
            if (i > 0) out.raw(",");
            element.accept(tokens.get(i));
        }
        out.raw("]");
    }
}

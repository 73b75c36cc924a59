package io.sluice.server.openai;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The answer of `/v1/completions`. One request, one thread.
final class CompletionFormat implements AnswerFormat {
    private final byte[] head;
    private final boolean logprobs;
    private final StreamOptions options;
    private final List<String> echoes; // [choice]
    private int promptTokens;
    private int tokensRead; // of the choice that was written last

    /// @param echoes what each choice begins with; empty if the prompts are not echoed
    CompletionFormat(AnswerHead head, boolean logprobs, StreamOptions options, List<String> echoes) {
        this.head = head.bytes("text_completion");
        this.logprobs = logprobs;
        this.options = options;
        this.echoes = List.copyOf(echoes);
    }

    @Override
    public boolean hasOpening() {
        return true;
    }

    /// Nothing but the echo: without one, a completion begins with its first text.
    @Override
    public void opening(EventSink out, int choice, int promptTokens) throws IOException {
        this.promptTokens = promptTokens;
        if (echoes.isEmpty()) return;
        JsonOut json = out.json().raw(head);
        choice(json, choice, echoes.get(choice), List.of(), null);
        end(out, json, 0);
    }

    @Override
    public void delta(EventSink out, Delta delta) throws IOException {
        JsonOut json = out.json().raw(head);
        choice(json, delta.choice(), delta.text(), delta.logprobs(), null);
        end(out, json, delta.tokensRead());
        tokensRead = delta.tokensRead();
    }

    @Override
    public void finish(EventSink out, int choice, Finish finish) throws IOException {
        JsonOut json = out.json()
                .raw(head)
                .raw("{\"index\":")
                .number(choice)
                .raw(",\"text\":\"\",\"logprobs\":null,\"finish_reason\":")
                .string(FormatParts.finishReason(finish))
                .raw("}");
        end(out, json, tokensRead);
    }

    @Override
    public void complete(EventSink out, Usage usage) throws IOException {
        if (!options.usageAtEnd()) return;
        JsonOut json = out.json().raw(head).raw("]");
        FormatParts.usage(json, usage);
        json.raw("}");
        out.send();
    }

    private void end(EventSink out, JsonOut json, int tokens) throws IOException {
        json.raw("]");
        if (options.usageAlways()) FormatParts.usageSoFar(json, promptTokens, tokens);
        json.raw("}");
        out.send();
    }

    @Override
    public void whole(JsonOut out, List<WholeChoice> choices, Usage usage) {
        out.raw(head);
        for (int i = 0; i < choices.size(); i++) {
            WholeChoice choice = choices.get(i);
            if (i > 0) out.raw(",");
            String echo = echoes.isEmpty() ? "" : echoes.get(i);
            choice(out, i, echo + choice.text(), choice.logprobs(), FormatParts.finishReason(choice.finish()));
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

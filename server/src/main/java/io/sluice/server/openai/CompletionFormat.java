package io.sluice.server.openai;

import static io.sluice.batching.SamplingParams.NO_LOGPROBS;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.PromptToken;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The answer of `/v1/completions`. One request, one thread.
final class CompletionFormat implements AnswerFormat {
    private static final byte[] NO_BYTES = {};

    private final byte[] head;
    private final Asked asked;
    private final StreamOptions options;
    private final List<String> echoes; // [choice]
    private int promptTokens;
    private int tokensRead; // of the choice that was written last

    /// Which log-probabilities were asked for. A value; `NO_LOGPROBS` in place of a number for none.
    ///
    /// @param top alternatives to each token of a choice, its echo included
    /// @param promptTop alternatives to each token of the prompt, in a field of their own
    record Asked(int top, int promptTop) {}

    /// @param echoes what each choice begins with; empty if the prompts are not echoed
    CompletionFormat(AnswerHead head, Asked asked, StreamOptions options, List<String> echoes) {
        this.head = head.bytes("text_completion");
        this.asked = asked;
        this.options = options;
        this.echoes = List.copyOf(echoes);
    }

    @Override
    public boolean hasOpening() {
        return true;
    }

    /// Nothing but the echo: without one, a completion begins with its first text. An echo with log-probabilities has
    /// to wait for them, and comes with the first text too.
    @Override
    public void opening(EventSink out, int choice, int promptTokens) throws IOException {
        this.promptTokens = promptTokens;
        if (echoes.isEmpty() || asked.top != NO_LOGPROBS) return;
        JsonOut json = out.json().raw(head);
        choice(json, choice, echoes.get(choice), List.of(), null);
        json.raw("}");
        end(out, json, 0);
    }

    @Override
    public void delta(EventSink out, Delta delta) throws IOException {
        JsonOut json = out.json().raw(head);
        String echo = echoes.isEmpty() || delta.prompt().isEmpty() ? "" : echoes.get(delta.choice());
        choice(json, delta.choice(), echo + delta.text(), tokens(delta), null);
        json.raw("}");
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
            List<TokenLogprob> tokens = echoes.isEmpty()
                    ? choice.logprobs()
                    : withPrompt(choice.prompt(), choice.logprobs(), echo.length());
            choice(out, i, echo + choice.text(), tokens, FormatParts.finishReason(choice.finish()));
            if (asked.promptTop != NO_LOGPROBS) FormatParts.promptLogprobs(out, choice.prompt(), asked.promptTop);
            out.raw("}");
        }
        out.raw("]");
        FormatParts.usage(out, usage);
        out.raw("}");
    }

    private void choice(JsonOut out, int index, String text, List<TokenLogprob> tokens, @Nullable String finishReason) {
        out.raw("{\"index\":").number(index).raw(",\"text\":").string(text).raw(",\"logprobs\":");
        logprobs(out, tokens);
        out.raw(",\"finish_reason\":").string(finishReason);
    }

    private List<TokenLogprob> tokens(Delta delta) {
        if (echoes.isEmpty() || asked.top == NO_LOGPROBS) return delta.logprobs();
        return withPrompt(
                delta.prompt(), delta.logprobs(), echoes.get(delta.choice()).length());
    }

    /// The echo's tokens, and those of the choice behind them.
    private List<TokenLogprob> withPrompt(List<PromptToken> prompt, List<TokenLogprob> tokens, int echoLength) {
        List<TokenLogprob> all = new ArrayList<>();
        for (PromptToken token : prompt) all.add(asOutput(token));
        for (TokenLogprob token : tokens) {
            int offset = echoLength + token.textOffset();
            all.add(new TokenLogprob(token.token(), token.bytes(), token.logprob(), offset, token.alternatives()));
        }
        return all;
    }

    private TokenLogprob asOutput(PromptToken token) {
        List<TokenLogprob> alternatives = token.alternatives().stream()
                .limit(Math.max(0, asked.top))
                .map(this::asOutput)
                .toList();
        float logprob = token.isFirst() ? Float.NaN : token.logprob();
        return new TokenLogprob(token.text(), NO_BYTES, logprob, token.textOffset(), alternatives);
    }

    /// Four parallel arrays, as this older API has it.
    private void logprobs(JsonOut out, List<TokenLogprob> tokens) {
        if (asked.top == NO_LOGPROBS) {
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

    /// Of the first token of a prompt nothing is known: no number, and no alternatives.
    private static void alternatives(JsonOut out, TokenLogprob token) {
        if (Float.isNaN(token.logprob())) {
            out.raw("null");
            return;
        }
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

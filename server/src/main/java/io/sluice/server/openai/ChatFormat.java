package io.sluice.server.openai;

import static io.sluice.batching.SamplingParams.TOP_LOGPROBS_MAX;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.PromptToken;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.io.IOException;
import java.util.List;

/// The answer of `/v1/chat/completions`. One request, one thread.
final class ChatFormat implements AnswerFormat {
    private static final byte[] CHOICE = JsonOut.bytes("{\"index\":");
    private static final byte[] DELTA = JsonOut.bytes(",\"delta\":");
    private static final byte[] LOGPROBS = JsonOut.bytes(",\"logprobs\":");
    private static final byte[] GOES_ON = JsonOut.bytes(",\"logprobs\":null,\"finish_reason\":null}]");
    private static final byte[] UNFINISHED = JsonOut.bytes(",\"finish_reason\":null}]");
    private static final byte[] END = JsonOut.bytes("}");

    private final byte[] chunkHead;
    private final byte[] wholeHead;
    private final boolean logprobs;
    private final StreamOptions options;
    private final boolean showsReasoning;
    private int promptTokens;
    private int tokensRead; // of the choice that was written last

    /// @param showsReasoning what the model thinks is part of the answer, in a field of its own
    ChatFormat(AnswerHead head, boolean logprobs, StreamOptions options, boolean showsReasoning) {
        this.showsReasoning = showsReasoning;
        this.chunkHead = head.bytes("chat.completion.chunk");
        this.wholeHead = head.bytes("chat.completion");
        this.logprobs = logprobs;
        this.options = options;
    }

    @Override
    public boolean hasOpening() {
        return true;
    }

    @Override
    public void opening(EventSink out, int choice, int promptTokens) throws IOException {
        this.promptTokens = promptTokens;
        JsonOut json = begin(out, choice)
                .raw("{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]");
        end(out, json, 0);
    }

    @Override
    public void delta(EventSink out, Delta delta) throws IOException {
        JsonOut json = begin(out, delta.choice());
        ChatPieces.delta(json, delta.pieces(), showsReasoning);
        if (logprobs) {
            json.raw(LOGPROBS);
            logprobs(json, delta.logprobs());
            json.raw(UNFINISHED);
        } else {
            json.raw(GOES_ON);
        }
        end(out, json, delta.tokensRead());
        tokensRead = delta.tokensRead();
    }

    @Override
    public void finish(EventSink out, int choice, Finish finish) throws IOException {
        JsonOut json = begin(out, choice)
                .raw("{},\"logprobs\":null,\"finish_reason\":")
                .string(FormatParts.finishReason(finish))
                .raw("}]");
        end(out, json, tokensRead);
    }

    @Override
    public void complete(EventSink out, Usage usage) throws IOException {
        if (!options.usageAtEnd()) return;
        JsonOut json = out.json().raw(chunkHead).raw("]");
        FormatParts.usage(json, usage);
        json.raw("}");
        out.send();
    }

    private JsonOut begin(EventSink out, int choice) {
        return out.json().raw(chunkHead).raw(CHOICE).number(choice).raw(DELTA);
    }

    private void end(EventSink out, JsonOut json, int tokens) throws IOException {
        if (options.usageAlways()) FormatParts.usageSoFar(json, promptTokens, tokens);
        json.raw(END);
        out.send();
    }

    @Override
    public void whole(JsonOut out, List<WholeChoice> choices, Usage usage) {
        out.raw(wholeHead);
        for (int i = 0; i < choices.size(); i++) {
            WholeChoice choice = choices.get(i);
            out.raw(i == 0 ? "" : ",").raw("{\"index\":").number(i).raw(",\"message\":");
            ChatPieces.message(out, choice.message(), showsReasoning);
            out.raw(",\"logprobs\":");
            logprobs(out, choice.logprobs());
            out.raw(",\"finish_reason\":")
                    .string(FormatParts.finishReason(choice.finish()))
                    .raw("}");
        }
        out.raw("]");
        List<PromptToken> prompt = choices.getFirst().prompt();
        if (!prompt.isEmpty()) FormatParts.promptLogprobs(out, prompt, TOP_LOGPROBS_MAX);
        FormatParts.usage(out, usage);
        out.raw("}");
    }

    private void logprobs(JsonOut out, List<TokenLogprob> tokens) {
        if (!logprobs) {
            out.raw("null");
            return;
        }
        out.raw("{\"content\":[");
        for (int i = 0; i < tokens.size(); i++) {
            TokenLogprob token = tokens.get(i);
            out.raw(i == 0 ? "" : ",");
            token(out, token);
            out.raw(",\"top_logprobs\":[");
            for (int rank = 0; rank < token.alternatives().size(); rank++) {
                out.raw(rank == 0 ? "" : ",");
                token(out, token.alternatives().get(rank));
                out.raw("}");
            }
            out.raw("]}");
        }
        out.raw("],\"refusal\":null}");
    }

    /// Leaves the object open.
    private static void token(JsonOut out, TokenLogprob token) {
        out.raw("{\"token\":")
                .string(token.token())
                .raw(",\"logprob\":")
                .number(token.logprob())
                .raw(",\"bytes\":[");
        byte[] bytes = token.bytes();
        for (int i = 0; i < bytes.length; i++) {
            out.raw(i == 0 ? "" : ",").number(bytes[i] & 0xFF);
        }
        out.raw("]");
    }
}

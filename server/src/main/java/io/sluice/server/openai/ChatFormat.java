package io.sluice.server.openai;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.util.List;

/// The answer of `/v1/chat/completions`. One request, one thread.
final class ChatFormat implements AnswerFormat {
    private final byte[] chunkHead;
    private final byte[] wholeHead;
    private final boolean logprobs;

    ChatFormat(String id, long createdSecond, String model, boolean logprobs) {
        this.chunkHead = FormatParts.head(id, "chat.completion.chunk", createdSecond, model);
        this.wholeHead = FormatParts.head(id, "chat.completion", createdSecond, model);
        this.logprobs = logprobs;
    }

    @Override
    public boolean hasOpening() {
        return true;
    }

    @Override
    public void opening(JsonOut out, int choice) {
        out.raw(chunkHead)
                .raw("{\"index\":")
                .number(choice)
                .raw(
                        ",\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]}");
    }

    @Override
    public void delta(JsonOut out, Delta delta) {
        out.raw(chunkHead)
                .raw("{\"index\":")
                .number(delta.choice())
                .raw(",\"delta\":{\"content\":")
                .string(delta.text())
                .raw("},\"logprobs\":");
        logprobs(out, delta.logprobs());
        out.raw(",\"finish_reason\":null}]}");
    }

    @Override
    public void finish(JsonOut out, int choice, String reason) {
        out.raw(chunkHead)
                .raw("{\"index\":")
                .number(choice)
                .raw(",\"delta\":{},\"logprobs\":null,\"finish_reason\":")
                .string(reason)
                .raw("}]}");
    }

    @Override
    public void usage(JsonOut out, Usage usage) {
        out.raw(chunkHead).raw("]");
        FormatParts.usage(out, usage);
        out.raw("}");
    }

    @Override
    public void whole(JsonOut out, List<WholeChoice> choices, Usage usage) {
        out.raw(wholeHead);
        for (int i = 0; i < choices.size(); i++) {
            WholeChoice choice = choices.get(i);
            out.raw(i == 0 ? "" : ",")
                    .raw("{\"index\":")
                    .number(i)
                    .raw(",\"message\":{\"role\":\"assistant\",\"content\":")
                    .string(choice.text())
                    .raw(",\"refusal\":null},\"logprobs\":");
            logprobs(out, choice.logprobs());
            out.raw(",\"finish_reason\":")
                    .string(FormatParts.finishReason(choice.finish()))
                    .raw("}");
        }
        out.raw("]");
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

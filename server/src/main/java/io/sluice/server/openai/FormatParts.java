package io.sluice.server.openai;

import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;

/// The pieces of JSON that both APIs spell alike. Any thread.
final class FormatParts {
    private FormatParts() {}

    static void usage(JsonOut out, Usage usage) {
        out.raw(",\"usage\":{\"prompt_tokens\":")
                .number(usage.prompt())
                .raw(",\"completion_tokens\":")
                .number(usage.completion())
                .raw(",\"total_tokens\":")
                .number(usage.total())
                .raw(",\"prompt_tokens_details\":{\"cached_tokens\":")
                .number(usage.cached())
                .raw("}");
        if (usage.reasoning() > 0) {
            out.raw(",\"completion_tokens_details\":{\"reasoning_tokens\":")
                    .number(usage.reasoning())
                    .raw("}");
        }
        out.raw("}");
    }

    /// The usage so far, where each event carries it.
    static void usageSoFar(JsonOut out, int promptTokens, int tokensRead) {
        out.raw(",\"usage\":{\"prompt_tokens\":")
                .number(promptTokens)
                .raw(",\"completion_tokens\":")
                .number(tokensRead)
                .raw(",\"total_tokens\":")
                .number(promptTokens + tokensRead)
                .raw("}");
    }

    /// The word for an ending that is an answer; the others are errors and never come here.
    static String finishReason(Finish finish) {
        return switch (finish) {
            case Finish.Stop _ -> "stop";
            case Finish.ToolCalls() -> "tool_calls";
            case Finish.Length() -> "length";
            case Finish.Cancelled(), Finish.Expired _, Finish.Stalled _, Finish.Failed _, Finish.Interrupted _ ->
                throw new IllegalArgumentException(finish + " is no finish_reason");
        };
    }
}

package io.sluice.server.openai;

import io.sluice.server.generation.Finish;
import io.sluice.server.generation.PromptToken;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.util.List;

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
        UsageExtension.write(out, usage);
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

    /// vLLM's form: for each token of the prompt an object of candidates by their ids, for the first null.
    static void promptLogprobs(JsonOut out, List<PromptToken> prompt, int topCount) {
        out.raw(",\"prompt_logprobs\":[");
        for (int position = 0; position < prompt.size(); position++) {
            PromptToken token = prompt.get(position);
            if (position > 0) out.raw(",");
            if (token.isFirst()) {
                out.raw("null");
                continue;
            }
            out.raw("{");
            candidate(out, token);
            int told = Math.min(topCount, token.alternatives().size());
            for (PromptToken alternative : token.alternatives().subList(0, told)) {
                if (alternative.id() == token.id()) continue;
                out.raw(",");
                candidate(out, alternative);
            }
            out.raw("}");
        }
        out.raw("]");
    }

    private static void candidate(JsonOut out, PromptToken token) {
        out.string(Integer.toString(token.id()))
                .raw(":{\"logprob\":")
                .number(token.logprob())
                .raw(",\"rank\":")
                .number(token.rank())
                .raw(",\"decoded_token\":")
                .string(token.text())
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

package io.sluice.server.generation;

import io.sluice.batching.PromptLogprobs;
import io.sluice.modelstore.IncrementalDetokenizer;
import io.sluice.modelstore.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Puts what was found out about a prompt's tokens into words. Any thread.
final class PromptTokens {
    private final Tokenizer tokenizer;

    PromptTokens(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    List<PromptToken> of(PromptLogprobs report) {
        List<PromptToken> tokens = new ArrayList<>(report.promptLength());
        IncrementalDetokenizer detokenizer = tokenizer.detokenizer();
        int offset = 0;
        for (int position = 0; position < report.promptLength(); position++) {
            tokens.add(token(report, position, offset));
            offset += detokenizer.append(report.token(position)).length();
        }
        return tokens;
    }

    private PromptToken token(PromptLogprobs report, int position, int offset) {
        int id = report.token(position);
        if (position == 0) return new PromptToken(id, text(id), offset, 0, 0, List.of());
        List<PromptToken> alternatives = new ArrayList<>(report.topCount(position));
        for (int rank = 0; rank < report.topCount(position); rank++) {
            int other = report.topToken(position, rank);
            float logprob = report.topLogprob(position, rank);
            alternatives.add(new PromptToken(other, text(other), offset, logprob, rank + 1, List.of()));
        }
        return new PromptToken(id, text(id), offset, report.logprob(position), report.rank(position), alternatives);
    }

    private String text(int id) {
        byte[] bytes = tokenizer.tokenBytes(id);
        return bytes.length == 0 ? tokenizer.tokenText(id) : new String(bytes, StandardCharsets.UTF_8);
    }
}

package io.sluice.server.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// News of one choice: text that is certain now, and its end if it has come. A value.
///
/// @param choice index in the request
/// @param tokensRead output tokens of the choice that were looked at for this and all earlier text
/// @param logprobs of the tokens behind `text`; empty unless asked for
/// @param finish null while the choice goes on
public record Delta(
        int choice,
        int tokensRead,
        String text,
        List<TokenLogprob> logprobs,
        @Nullable Finish finish) {}

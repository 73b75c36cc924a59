package io.sluice.server.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// News of one choice: text that is certain now, and its end if it has come. A value.
///
/// @param choice index in the request
/// @param logprobs of the tokens behind `text`; empty unless asked for
/// @param finish null while the choice goes on
public record Delta(
        int choice,
        String text,
        List<TokenLogprob> logprobs,
        @Nullable Finish finish) {

    /// The same news with another ending.
    Delta endedBy(Finish other) {
        return new Delta(choice, text, logprobs, other);
    }
}

package io.sluice.server.generation;

import io.sluice.server.output.Piece;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// News of one choice: pieces that are certain now, and its end if it has come. A value.
///
/// @param choice index in the request
/// @param tokensRead output tokens of the choice that were looked at for this and all earlier pieces
/// @param logprobs of the tokens behind the pieces; empty unless asked for
/// @param finish null while the choice goes on
/// @param prompt the tokens of the choice's prompt, if they were asked for: with the first news of the choice
public record Delta(
        int choice,
        int tokensRead,
        List<Piece> pieces,
        List<TokenLogprob> logprobs,
        @Nullable Finish finish,
        List<PromptToken> prompt) {

    /// True if there is something to tell besides the end.
    public boolean hasNews() {
        return !pieces.isEmpty() || !logprobs.isEmpty() || !prompt.isEmpty();
    }

    /// What is new of the answer's own text.
    public String text() {
        StringBuilder text = new StringBuilder();
        for (Piece piece : pieces) {
            if (piece instanceof Piece.Text(String more)) text.append(more);
        }
        return text.toString();
    }
}

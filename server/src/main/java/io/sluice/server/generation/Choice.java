package io.sluice.server.generation;

import io.sluice.batching.TokenStream;
import io.sluice.modelstore.IncrementalDetokenizer;
import io.sluice.modelstore.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Turns one choice's tokens into text: detokenises, stops at stop texts, keeps log-probabilities in step with the text
/// they belong to. All of it depends on the tokens alone, not on when they were read: whoever reads them again finds
/// the
/// same text at the same tokens. The reader's thread only.
final class Choice {

    /// The most tokens of one piece of news. A reader that lags gets several tokens at once; with log-probabilities and
    /// twenty alternatives each, this many still make an event of less than 64 KiB.
    static final int NEWS_TOKENS_MAX = 16;

    /// What of the request matters to reading. A value.
    ///
    /// @param stop texts that end the choice
    /// @param minTokens tokens before which no stop text counts
    /// @param output how tokens become text
    record Rules(List<String> stop, int minTokens, boolean wantsLogprobs, TextRequest.Output output) {
        static Rules of(TextRequest request) {
            return new Rules(request.stop(), request.sampling().minTokens(), request.wantsLogprobs(), request.output());
        }
    }

    private final int index;
    private final Generation generation;
    private final TokenStream stream;
    private final Tokenizer tokenizer;
    private final IncrementalDetokenizer detokenizer;
    private final StopStrings stops;
    private final Rules rules;

    private int tokensRead;
    private int textLength; // of everything detokenised so far, held back or not
    private int shownLength; // of what was handed out
    private final Deque<TokenLogprob> unshownLogprobs = new ArrayDeque<>();
    private @Nullable Finish finish;

    Choice(int index, Generation generation, TokenStream stream, Tokenizer tokenizer, Rules rules) {
        this.index = index;
        this.generation = generation;
        this.stream = stream;
        this.tokenizer = tokenizer;
        this.detokenizer = tokenizer.detokenizer();
        this.stops = rules.output().showsStop() ? StopStrings.shown(rules.stop()) : new StopStrings(rules.stop());
        this.rules = rules;
    }

    /// Waits until there is something to read, or for `patience`; says that everything read so far was dealt with.
    void await(Duration patience) throws InterruptedException {
        stream.await(tokensRead, patience);
    }

    /// Waits until the engine has ended the choice too, at most until `endNs` as `System.nanoTime` has it.
    void awaitEnding(long endNs) throws InterruptedException {
        while (stream.ending().isEmpty() && System.nanoTime() - endNs < 0) {
            stream.await(stream.count(), Duration.ofNanos(Math.max(1, endNs - System.nanoTime())));
        }
    }

    /// What is new since the last look, as one piece, or null if nothing is.
    @Nullable
    Delta read() {
        if (finish != null) return null;
        // The order matters: once an ending is seen, the count read after it is final.
        var ending = stream.ending().orElse(null);
        Interruption interruption = generation.interruption();
        int available = stream.count();
        if (available == tokensRead && ending == null && interruption == null) return null;

        StringBuilder text = new StringBuilder();
        int until = Math.min(available, tokensRead + NEWS_TOKENS_MAX);
        while (tokensRead < until && !stops.found()) text.append(readToken(tokensRead++));
        if (stops.found()) {
            finish = new Finish.Stop();
            stream.cancel();
        } else if (tokensRead == available && ending != null) {
            text.append(finishAs(generation.finishOf(ending)));
        } else if (tokensRead == available && interruption != null) {
            // Not left to the engine, which may be what does not answer.
            finish = new Finish.Interrupted(interruption);
        }
        shownLength += text.length();
        return new Delta(index, tokensRead, text.toString(), shownLogprobs(), finish);
    }

    /// Reads up to where a client says that it has been, without a word.
    ///
    /// @param complete the text had ended, and all of it was shown
    /// @return false if nobody can have been there
    boolean skip(int tokens, boolean complete) {
        var ending = stream.ending().orElse(null);
        if (tokens > stream.count()) return false;
        while (tokensRead < tokens && !stops.found())
            shownLength += readToken(tokensRead++).length();
        if (tokensRead < tokens || (stops.found() && !complete)) return false;
        if (complete && stops.found()) {
            finish = new Finish.Stop();
        } else if (complete) {
            if (ending == null || tokensRead < stream.count()) return false;
            shownLength += finishAs(generation.finishOf(ending)).length();
            if (finish == null || !finish.isAnswer()) return false;
        }
        shownLogprobs();
        return true;
    }

    /// What was held back is no stop text after all: the end shows it. Of a text that broke off it is not known.
    private String finishAs(Finish end) {
        finish = end;
        if (!end.isAnswer()) return "";
        String rest = append(detokenizer.finish()) + stops.finish();
        if (stops.found()) finish = new Finish.Stop();
        return rest;
    }

    boolean isFinished() {
        return finish != null;
    }

    @Nullable
    Finish finish() {
        return finish;
    }

    int tokensRead() {
        return tokensRead;
    }

    /// Output tokens to account for: those read up to a stop text, else all that were computed.
    int tokensUsed() {
        return stops.found()
                ? tokensRead
                : stream.ending().map(TokenStream.Ending::sampledTokens).orElse(tokensRead);
    }

    /// Prompt tokens from the prefix cache; known once the stream has ended.
    int cachedTokens() {
        return stream.ending().map(TokenStream.Ending::cachedTokens).orElse(0);
    }

    private String readToken(int position) {
        int start = textLength;
        String piece = textOf(stream.token(position));
        String certain = position + 1 < rules.minTokens() ? passUnchecked(piece) : append(piece);
        if (rules.wantsLogprobs()) unshownLogprobs.add(logprobAt(position, start));
        return certain;
    }

    private String textOf(int token) {
        String text = detokenizer.append(token);
        return rules.output().showsSpecials() && tokenizer.isSpecial(token) ? text + tokenizer.tokenText(token) : text;
    }

    private String append(String piece) {
        textLength += piece.length();
        return stops.append(piece);
    }

    /// Before `minTokens` tokens a stop text is ordinary text.
    private String passUnchecked(String piece) {
        textLength += piece.length();
        return piece;
    }

    private TokenLogprob logprobAt(int position, int textOffset) {
        List<TokenLogprob> alternatives = new ArrayList<>(stream.topCount(position));
        for (int rank = 0; rank < stream.topCount(position); rank++) {
            alternatives.add(
                    logprob(stream.topToken(position, rank), stream.topLogprob(position, rank), textOffset, List.of()));
        }
        return logprob(stream.token(position), stream.logprob(position), textOffset, alternatives);
    }

    private TokenLogprob logprob(int token, float logprob, int textOffset, List<TokenLogprob> alternatives) {
        byte[] bytes = tokenizer.tokenBytes(token);
        String text = bytes.length == 0 ? tokenizer.tokenText(token) : new String(bytes, StandardCharsets.UTF_8);
        return new TokenLogprob(text, bytes, logprob, textOffset, alternatives);
    }

    /// Those whose text has begun to be shown; at the end, all that are not behind a stop text.
    private List<TokenLogprob> shownLogprobs() {
        if (!rules.wantsLogprobs()) return List.of();
        boolean all = finish != null && finish.isAnswer() && !stops.found();
        List<TokenLogprob> shown = new ArrayList<>();
        while (!unshownLogprobs.isEmpty() && (all || unshownLogprobs.getFirst().textOffset() < shownLength)) {
            shown.add(unshownLogprobs.removeFirst());
        }
        return shown;
    }
}

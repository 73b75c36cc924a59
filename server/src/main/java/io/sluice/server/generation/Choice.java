package io.sluice.server.generation;

import io.sluice.batching.FinishReason;
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
/// they belong to. The request's thread only.
final class Choice {
    private final int index;
    private final TokenStream stream;
    private final Tokenizer tokenizer;
    private final IncrementalDetokenizer detokenizer;
    private final StopStrings stops;
    private final int minTokens;
    private final boolean wantsLogprobs;

    private int tokensRead;
    private int textLength; // of everything detokenised so far, held back or not
    private int shownLength; // of what was handed out
    private final Deque<TokenLogprob> unshownLogprobs = new ArrayDeque<>();
    private @Nullable Finish finish;

    Choice(int index, TokenStream stream, Tokenizer tokenizer, TextRequest request) {
        this.index = index;
        this.stream = stream;
        this.tokenizer = tokenizer;
        this.detokenizer = tokenizer.detokenizer();
        this.stops = new StopStrings(request.stop());
        this.minTokens = request.sampling().minTokens();
        this.wantsLogprobs = request.sampling().wantsLogprobs();
    }

    /// Waits until there is something to read, or for `patience`.
    void await(Duration patience) throws InterruptedException {
        stream.await(tokensRead, patience);
    }

    /// Waits until the engine has ended the choice too, at most until `deadlineNs`.
    void awaitEnding(long deadlineNs) throws InterruptedException {
        while (stream.ending().isEmpty() && System.nanoTime() < deadlineNs) {
            stream.await(stream.count(), Duration.ofNanos(Math.max(1, deadlineNs - System.nanoTime())));
        }
    }

    /// Everything new since the last look as one piece, or null if there is none. However far the reader lags, it is
    /// one.
    @Nullable
    Delta read() {
        if (finish != null) return null;
        // The order matters: once an ending is seen, the count read after it is final.
        var ending = stream.ending();
        int available = stream.count();
        if (available == tokensRead && ending.isEmpty()) return null;

        StringBuilder text = new StringBuilder();
        while (tokensRead < available && !stops.found()) text.append(readToken(tokensRead++));
        if (stops.found()) {
            finish = new Finish.Stop();
            stream.cancel();
        } else if (ending.isPresent()) {
            text.append(append(detokenizer.finish())).append(stops.finish());
            finish = stops.found() ? new Finish.Stop() : finishOf(ending.get());
        }
        shownLength += text.length();
        return new Delta(index, text.toString(), shownLogprobs(), finish);
    }

    boolean isFinished() {
        return finish != null;
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

    void cancel() {
        stream.cancel();
    }

    private String readToken(int position) {
        int start = textLength;
        String piece = detokenizer.append(stream.token(position));
        String certain = position + 1 < minTokens ? passUnchecked(piece) : append(piece);
        if (wantsLogprobs) unshownLogprobs.add(logprobAt(position, start));
        return certain;
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
        if (!wantsLogprobs) return List.of();
        boolean all = finish != null && !stops.found();
        List<TokenLogprob> shown = new ArrayList<>();
        while (!unshownLogprobs.isEmpty() && (all || unshownLogprobs.getFirst().textOffset() < shownLength)) {
            shown.add(unshownLogprobs.removeFirst());
        }
        return shown;
    }

    private static Finish finishOf(TokenStream.Ending ending) {
        FinishReason reason = ending.reason();
        return switch (reason) {
            case STOP -> new Finish.Stop();
            case LENGTH -> new Finish.Length();
            case CANCELLED -> new Finish.Cancelled();
            case EXPIRED -> new Finish.Expired(ending.detail());
            case STALLED -> new Finish.Stalled(ending.detail());
            case FAILED -> new Finish.Failed(ending.detail());
        };
    }
}

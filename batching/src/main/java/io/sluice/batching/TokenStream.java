package io.sluice.batching;

import java.time.Duration;
import java.util.Optional;

/// One choice's output on its way from the engine to its request: an append-only log of at most `maxNewTokens` tokens.
/// The engine thread writes, one request thread reads, either may be ahead; the writer never waits.
public final class TokenStream {

    /// What can be said of a finished choice.
    ///
    /// @param reason how it ended
    /// @param detail for `FAILED` and `EXPIRED`, one sentence for the caller; else empty
    /// @param promptTokens length of the prompt
    /// @param cachedTokens prompt tokens that were taken from the prefix cache when it first ran
    /// @param sampledTokens tokens computed for it, an end token included
    public record Ending(FinishReason reason, String detail, int promptTokens, int cachedTokens, int sampledTokens) {}

    /// Waits until more than `seen` tokens are published, the stream has ended, or `patience` is over.
    ///
    /// @return the number of published tokens; those with an index below it can be read
    public int await(int seen, Duration patience) throws InterruptedException {
        throw new UnsupportedOperationException("to be written");
    }

    /// Published tokens so far.
    public int count() {
        throw new UnsupportedOperationException("to be written");
    }

    /// Token id at `index`, below `count()`.
    public int token(int index) {
        throw new UnsupportedOperationException("to be written");
    }

    /// Log-probability of the token at `index`; meaningful if the request asked for it.
    public float logprob(int index) {
        throw new UnsupportedOperationException("to be written");
    }

    /// Number of alternatives reported at `index`.
    public int topCount(int index) {
        throw new UnsupportedOperationException("to be written");
    }

    /// Alternative `rank` at `index`, most likely first.
    public int topToken(int index, int rank) {
        throw new UnsupportedOperationException("to be written");
    }

    public float topLogprob(int index, int rank) {
        throw new UnsupportedOperationException("to be written");
    }

    /// Present once the stream has ended; all its tokens are published by then.
    public Optional<Ending> ending() {
        throw new UnsupportedOperationException("to be written");
    }

    /// Gives the stream up: the engine ends it at its next plan and frees its blocks. Any thread; idempotent.
    public void cancel() {
        throw new UnsupportedOperationException("to be written");
    }
}

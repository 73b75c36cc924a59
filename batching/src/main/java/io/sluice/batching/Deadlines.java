package io.sluice.batching;

/// When a request is of no use any more, as moments on the engine's clock. A value.
///
/// @param firstTokenNs no step is spent on a choice that has no token by then
/// @param lastNs no step is spent on the request after it
public record Deadlines(long firstTokenNs, long lastNs) {

    /// A request that waits as long as it takes.
    public static final Deadlines NONE = new Deadlines(Long.MAX_VALUE, Long.MAX_VALUE);

    /// For the whole request alone.
    public static Deadlines last(long lastNs) {
        return new Deadlines(Long.MAX_VALUE, lastNs);
    }

    /// The deadline of a choice that has tokens already, or of one that has none.
    long of(boolean hasTokens) {
        return hasTokens ? lastNs : Math.min(firstTokenNs, lastNs);
    }
}

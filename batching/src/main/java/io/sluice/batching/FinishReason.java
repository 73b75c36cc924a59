package io.sluice.batching;

/// How a stream ended.
public enum FinishReason {
    /// An end token was sampled, or the request's constraint is over.
    STOP,
    /// `maxNewTokens` or the context limit was reached.
    LENGTH,
    /// The reader closed the stream.
    CANCELLED,
    /// The deadline passed.
    EXPIRED,
    /// The reader did not read for longer than it may.
    STALLED,
    /// A step or the device failed; the reader may try the request again.
    FAILED
}

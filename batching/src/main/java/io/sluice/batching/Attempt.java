package io.sluice.batching;

/// Whether a request comes for the first time.
public enum Attempt {
    FIRST,
    /// It was refused before, by this instance or another, and told to come back: it goes before those who come
    /// anew, if it comes when it was told to.
    AGAIN
}

package io.sluice.modelstore;

/// Turns one stream of token ids into text, never emitting part of a character. One thread.
public interface IncrementalDetokenizer {

    /// Text that became certain with this token; empty while a character is incomplete.
    String append(int id);

    /// What is left at the end: an incomplete character becomes U+FFFD.
    String finish();
}

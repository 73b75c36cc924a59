package io.sluice.server.output;

/// Finds the calls in an answer that grows letter by letter. What it finds depends on the letters alone. One thread.
interface CallReader {
    void accept(char c);

    /// The answer has ended: what was held back is text, and a call that is not complete stays so.
    void finish();
}

package io.sluice.benchmarks.load;

import java.time.Duration;
import java.util.Optional;

/// What came of sending a request once. A value; moments are on the clock of `System.nanoTime`.
sealed interface Attempt {

    /// The answer came whole.
    ///
    /// @param texts events that brought text
    /// @param outputTokens as the server counts them, or the number of events if it does not say
    /// @param promptTokens as the server counts them, or 0
    /// @param heartbeats comments in the stream
    record Answered(long firstNs, long lastNs, int texts, int outputTokens, int promptTokens, int heartbeats)
            implements Attempt {}

    /// The server said no before the first byte of an answer.
    ///
    /// @param code the error's own, such as `rate_limit_exceeded`, or its type
    record Refused(int status, String code, Optional<Duration> retryAfter) implements Attempt {}

    /// The answer broke off, or never began.
    ///
    /// @param why in few words, the same for the same cause
    record Failed(String why, int texts) implements Attempt {}
}

package io.sluice.server.records;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What was decided about a request, and when. A value.
public sealed interface Decision {

    /// Nothing yet: its body is being read, or its prompt tokenised.
    record Pending() implements Decision {}

    /// It was answered without the engine.
    record Answered(long atNs) implements Decision {}

    record Admitted(long atNs, int promptTokens, int choices) implements Decision {}

    /// It was answered with an error before the first byte.
    ///
    /// @param retryAfter what the client was told, if it was told to come back
    record Refused(long atNs, int status, @Nullable String code, String message, Optional<Duration> retryAfter)
            implements Decision {}
}

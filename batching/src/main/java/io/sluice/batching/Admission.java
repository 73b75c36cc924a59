package io.sluice.batching;

import java.time.Duration;
import java.util.List;

/// The engine's answer to a submitted request, decided before the first byte. A value.
public sealed interface Admission {

    /// The request will be served and each stream will end exactly once.
    ///
    /// @param streams one per choice, in choice order; each is for one reader
    record Admitted(List<TokenStream> streams) implements Admission {
        public Admitted {
            streams = List.copyOf(streams);
        }
    }

    /// The request will not be served.
    ///
    /// @param detail one sentence for the caller, with the numbers that decided
    /// @param retryAfter when trying again is worth it; zero where it never is
    record Refused(Reason reason, String detail, Duration retryAfter) implements Admission {}

    /// Why a request was refused.
    enum Reason {
        /// Prompt and output can never fit this model's context or cache.
        NEVER_FITS,
        /// As many requests as allowed are waiting already.
        QUEUE_FULL,
        /// The deadline has passed or cannot be met.
        DEADLINE,
        /// The engine finishes what it has and takes nothing new.
        DRAINING,
        /// The engine has stopped.
        STOPPED
    }
}

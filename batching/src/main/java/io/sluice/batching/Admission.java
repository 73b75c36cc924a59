package io.sluice.batching;

import java.time.Duration;
import java.util.List;

/// The engine's answer to a submitted request, decided before the first byte. A value.
public sealed interface Admission {

    /// The request will be served and each stream will end exactly once.
    ///
    /// @param streams one per choice, in choice order; each is for one reader
    /// @param timeline what becomes of it
    record Admitted(List<TokenStream> streams, Timeline timeline) implements Admission {
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
        /// Prompt and output can never fit this model's context or cache, or the tenant's part of it.
        NEVER_FITS,
        /// As many requests as allowed are waiting already, in the class or in all.
        QUEUE_FULL,
        /// It would wait longer for its first token than its class allows.
        NO_CAPACITY,
        /// A deadline has passed already.
        DEADLINE_PASSED,
        /// A deadline cannot be met, as things stand.
        DEADLINE_TOO_SOON,
        /// The engine finishes what it has and takes nothing new.
        DRAINING,
        /// The engine has stopped.
        STOPPED
    }
}

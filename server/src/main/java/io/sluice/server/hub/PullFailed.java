package io.sluice.server.hub;

/// A model that could not be fetched or found: one line that says what to do.
public final class PullFailed extends RuntimeException {
    PullFailed(String message) {
        super(message);
    }

    PullFailed(String message, Throwable cause) {
        super(message, cause);
    }
}

package io.sluice.server.generation;

/// Why a generation was ended from outside, though its client was still there.
public enum Interruption {
    /// The server stops, and the time for running requests is over.
    SERVER_STOPPING,
    /// The key that it was asked for with is valid no longer.
    KEY_REVOKED,
    /// Its owner had it ended.
    DELETED
}

package io.sluice.server.generation;

/// How a choice's text ended. A value.
public sealed interface Finish {

    /// The model ended, or a stop text or stop token came.
    record Stop() implements Finish {}

    /// The token limit was reached.
    record Length() implements Finish {}

    /// The client gave it up.
    record Cancelled() implements Finish {}

    /// The deadline passed.
    record Expired(String detail) implements Finish {}

    /// The client did not read for longer than it may.
    record Stalled(String detail) implements Finish {}

    /// Its caller's key was revoked.
    record Revoked() implements Finish {}

    /// The engine could not go on; the same request may succeed if sent again.
    record Failed(String detail) implements Finish {}

    /// One word for logs and metrics.
    default String word() {
        return switch (this) {
            case Stop() -> "stop";
            case Length() -> "length";
            case Cancelled() -> "abort";
            case Expired _ -> "expired";
            case Stalled _ -> "stalled";
            case Revoked() -> "revoked";
            case Failed _ -> "error";
        };
    }
}

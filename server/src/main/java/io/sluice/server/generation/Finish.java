package io.sluice.server.generation;

import org.jspecify.annotations.Nullable;

/// How a choice's text ended. A value.
public sealed interface Finish {

    /// The model ended, or a stop text or stop token came.
    ///
    /// @param stopText the one that came; null if none did
    record Stop(@Nullable String stopText) implements Finish {
        public Stop() {
            this(null);
        }
    }

    /// The same after calls of tools.
    record ToolCalls() implements Finish {}

    /// The token limit was reached.
    record Length() implements Finish {}

    /// The client gave it up.
    record Cancelled() implements Finish {}

    /// The deadline passed.
    record Expired(String detail) implements Finish {}

    /// The client did not read for longer than it may.
    record Stalled(String detail) implements Finish {}

    /// The engine could not go on; the same request may succeed if sent again.
    record Failed(Failure failure, String detail) implements Finish {}

    /// Somebody other than the client ended it.
    record Interrupted(Interruption why) implements Finish {}

    /// How much more than one request failed.
    enum Failure {
        /// A step, or this request's part in it.
        STEP,
        /// The engine: nothing is served any more.
        ENGINE,
        /// The device, for every process that uses it the way this one did.
        DEVICE
    }

    /// True if the text ended as texts do: it is whole.
    default boolean isAnswer() {
        return this instanceof Stop || this instanceof ToolCalls || this instanceof Length;
    }

    /// One word for logs and metrics.
    default String word() {
        return switch (this) {
            case Stop _, ToolCalls() -> "stop";
            case Length() -> "length";
            case Cancelled() -> "abort";
            case Expired _ -> "expired";
            case Stalled _ -> "stalled";
            case Failed _ -> "error";
            case Interrupted(Interruption why) -> why == Interruption.KEY_REVOKED ? "revoked" : "interrupted";
        };
    }
}

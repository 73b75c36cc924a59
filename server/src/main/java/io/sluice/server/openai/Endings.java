package io.sluice.server.openai;

import io.helidon.webserver.CloseConnectionException;
import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Interruption;
import io.sluice.server.http.ApiError;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a client is told of an answer that ends before it is whole: as a status before the first byte, as an
/// error event after it, the same code in both. Any thread.
final class Endings {

    /// How long a client should wait after the engine failed it.
    private static final Duration AFTER_FAILURE = Duration.ofSeconds(1);

    /// How long until another process has taken over.
    private static final Duration AFTER_RESTART = Duration.ofSeconds(10);

    private Endings() {}

    /// What to tell the client if a choice ended without an answer; null if none did.
    static @Nullable ApiError failureIn(List<Delta> news) {
        for (Delta delta : news) {
            ApiError failure = delta.finish() == null ? null : failure(delta.finish());
            if (failure != null) return failure;
        }
        return null;
    }

    private static @Nullable ApiError failure(Finish finish) {
        return switch (finish) {
            case Finish.Stop _, Finish.ToolCalls(), Finish.Length() -> null;
            case Finish.Expired(String detail) -> ApiError.deadline(detail);
            case Finish.Stalled(String detail) -> ApiError.unavailable("client_stalled", detail, AFTER_FAILURE);
            case Finish.Failed(Finish.Failure failure, String detail) ->
                switch (failure) {
                    case STEP -> ApiError.unavailable("generation_failed", detail, AFTER_FAILURE);
                    case ENGINE -> ApiError.unavailable("engine_stopped", detail, AFTER_RESTART);
                    case DEVICE -> ApiError.unavailable("device_lost", detail, AFTER_RESTART);
                };
            case Finish.Interrupted(Interruption why) -> interrupted(why);
            // Nobody but the client's leaving cancels here.
            case Finish.Cancelled() -> throw new CloseConnectionException("the client has gone");
        };
    }

    private static ApiError interrupted(Interruption why) {
        return switch (why) {
            case SERVER_STOPPING ->
                ApiError.unavailable(
                        "draining",
                        "The server is stopping, and the request took longer than it waits; another may take it.",
                        AFTER_RESTART);
            case KEY_REVOKED -> ApiError.unauthorized("key_revoked", "The API key of this request was revoked.");
            case DELETED -> ApiError.superseded("stream_deleted", "The stream was deleted by its owner.");
        };
    }

    /// For a reader whose stream another connection took over.
    static ApiError takenOver() {
        return ApiError.superseded("stream_taken_over", "Another connection has taken this stream over.");
    }
}

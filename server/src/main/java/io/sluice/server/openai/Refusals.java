package io.sluice.server.openai;

import io.sluice.batching.Caller;
import io.sluice.server.generation.Submission;
import io.sluice.server.http.ApiError;
import java.time.Duration;

/// What a client is told when the engine does not take its request: a status that says whose fault it is, a
/// code, the limit that decided, and when to come back. Any thread.
final class Refusals {

    /// A stopped engine ends its process: as long as another may take to start.
    private static final Duration AFTER_RESTART = Duration.ofSeconds(10);

    private Refusals() {}

    static ApiError error(Submission.Refused refusal, Caller caller) {
        String detail = refusal.detail();
        Duration wait = refusal.retryAfter();
        String className = caller.trafficClass().name();
        return switch (refusal.reason()) {
            case NEVER_FITS ->
                ApiError.neverFits(null, "request_too_large", sentence("The request never fits", detail));
            case QUEUE_FULL ->
                ApiError.unavailable(
                        "queue_full",
                        sentence("The queue is full", detail)
                                + limits("max-waiting-requests, max-waiting of the class " + className),
                        wait);
            case NO_CAPACITY ->
                ApiError.unavailable(
                        "no_capacity",
                        sentence("The server has no capacity for the request now", detail)
                                + limits("ttft of the class " + className),
                        wait);
            case DEADLINE_PASSED -> ApiError.deadline(sentence("The request is too late", detail));
            case DEADLINE_TOO_SOON -> {
                String message = sentence("The deadline cannot be met", detail)
                        + limits("x-sluice-ttft-ms, x-sluice-deadline-ms, ttft-deadline and deadline of the tenant "
                                + caller.tenant().name());
                yield wait.isZero() // it is the request's own work that takes too long
                        ? ApiError.unmeetable("deadline_too_soon", message)
                        : ApiError.unavailable("deadline_too_soon", message, wait);
            }
            case DRAINING -> ApiError.unavailable("draining", sentence("The server is stopping", detail), wait);
            case STOPPED ->
                ApiError.unavailable("engine_stopped", sentence("The engine has stopped", detail), AFTER_RESTART);
        };
    }

    private static String sentence(String what, String detail) {
        return what + ": " + detail + ".";
    }

    private static String limits(String names) {
        return " (Limits: " + names + ".)";
    }
}

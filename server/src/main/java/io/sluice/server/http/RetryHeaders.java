package io.sluice.server.http;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.WritableHeaders;
import io.sluice.server.http.ApiError.Retry;
import java.time.Duration;

/// The headers by which clients decide whether and when to send a refused request again. Any thread.
final class RetryHeaders {
    private static final HeaderName SHOULD_RETRY = HeaderNames.create("x-should-retry");
    private static final HeaderName RETRY_AFTER_MS = HeaderNames.create("retry-after-ms");
    private static final long WAIT_MS_MIN = 1_000;
    private static final long WAIT_MS_MAX = 60_000;

    private RetryHeaders() {}

    static void set(WritableHeaders<?> headers, Retry retry) {
        switch (retry) {
            case Retry.Unsaid() -> {}
            case Retry.Never() -> headers.set(SHOULD_RETRY, "false");
            case Retry.After(Duration wait) -> {
                long waitMs = Math.clamp(wait.toMillis(), WAIT_MS_MIN, WAIT_MS_MAX);
                headers.set(HeaderNames.RETRY_AFTER, Long.toString(Math.ceilDiv(waitMs, 1000)));
                headers.set(RETRY_AFTER_MS, Long.toString(waitMs));
            }
        }
    }
}

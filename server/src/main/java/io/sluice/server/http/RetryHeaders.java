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
    private static final long NS_PER_MS = 1_000_000;

    private RetryHeaders() {}

    static void set(WritableHeaders<?> headers, Retry retry) {
        switch (retry) {
            case Retry.Unsaid() -> {}
            case Retry.Never() -> headers.set(SHOULD_RETRY, "false");
            case Retry.After(Duration wait) -> {
                // The truth, rounded up; never nothing, because at once is what has just failed.
                long waitMs = Math.max(1, Math.ceilDiv(wait.toNanos(), NS_PER_MS));
                headers.set(HeaderNames.RETRY_AFTER, Long.toString(Math.ceilDiv(waitMs, 1000)));
                headers.set(RETRY_AFTER_MS, Long.toString(waitMs));
            }
        }
    }
}

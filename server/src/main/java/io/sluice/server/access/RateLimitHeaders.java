package io.sluice.server.access;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.WritableHeaders;
import io.sluice.server.quota.QuotaRates;
import io.sluice.server.quota.QuotaRates.Rate;
import java.time.Duration;

/// `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, where there are limits. Any thread.
final class RateLimitHeaders {
    private static final Names REQUESTS = new Names("requests");
    private static final Names TOKENS = new Names("tokens");

    private RateLimitHeaders() {}

    private record Names(HeaderName limit, HeaderName remaining, HeaderName reset) {
        Names(String what) {
            this(
                    HeaderNames.create("x-ratelimit-limit-" + what),
                    HeaderNames.create("x-ratelimit-remaining-" + what),
                    HeaderNames.create("x-ratelimit-reset-" + what));
        }

        void set(WritableHeaders<?> headers, Rate rate) {
            headers.set(limit, Long.toString(rate.limit()));
            headers.set(remaining, Long.toString(rate.remaining()));
            headers.set(reset, duration(rate.reset()));
        }
    }

    static void set(WritableHeaders<?> headers, QuotaRates rates) {
        rates.requests().ifPresent(rate -> REQUESTS.set(headers, rate));
        rates.tokens().ifPresent(rate -> TOKENS.set(headers, rate));
    }

    /// As OpenAI writes them: `12ms`, `8.64s`, `6m0s`, `1h0m5s`. Rounded up to a millisecond.
    static String duration(Duration time) {
        long millis = Math.ceilDiv(time.toNanos(), 1_000_000L);
        if (millis < 1000) return millis == 0 ? "0s" : millis + "ms";
        long minutes = millis / 60_000;
        String fraction = "%03d".formatted(millis % 1000).replaceAll("0+$", "");
        String seconds = millis % 60_000 / 1000 + (fraction.isEmpty() ? "" : "." + fraction) + "s";
        if (minutes == 0) return seconds;
        return minutes < 60 ? minutes + "m" + seconds : minutes / 60 + "h" + minutes % 60 + "m" + seconds;
    }
}

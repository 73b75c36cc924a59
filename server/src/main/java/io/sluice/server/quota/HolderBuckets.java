package io.sluice.server.quota;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What one key or tenant has taken of its limits per minute. Guarded by its account.
final class HolderBuckets {
    private @Nullable TokenBucket requests; // null without such a limit
    private @Nullable TokenBucket tokens;

    /// Follows the limits, which may have changed since the last look, and the clock.
    void follow(QuotaLimits limits, long nowNs) {
        requests = follow(requests, limits.requestsPerMinute(), nowNs);
        tokens = follow(tokens, limits.tokensPerMinute(), nowNs);
    }

    private static @Nullable TokenBucket follow(@Nullable TokenBucket bucket, int perMinute, long nowNs) {
        if (perMinute == QuotaLimits.UNLIMITED) return null;
        if (bucket == null) return new TokenBucket(perMinute, nowNs);
        bucket.refill(nowNs);
        if (bucket.perMinute() != perMinute) bucket.resize(perMinute);
        return bucket;
    }

    void refill(long nowNs) {
        if (requests != null) requests.refill(nowNs);
        if (tokens != null) tokens.refill(nowNs);
    }

    @Nullable
    TokenBucket requests() {
        return requests;
    }

    @Nullable
    TokenBucket tokens() {
        return tokens;
    }

    /// True if forgetting it would change nothing.
    boolean isFull() {
        return (requests == null || requests.isFull()) && (tokens == null || tokens.isFull());
    }

    void takeRequest() {
        if (requests != null) requests.take(1);
    }

    void giveRequest() {
        if (requests != null) requests.give(1);
    }

    void takeTokens(long count) {
        if (tokens != null) tokens.take(count);
    }

    void giveTokens(long count) {
        if (tokens != null) tokens.give(count);
    }

    Optional<QuotaRates.Rate> requestRate() {
        return rate(requests);
    }

    Optional<QuotaRates.Rate> tokenRate() {
        return rate(tokens);
    }

    private static Optional<QuotaRates.Rate> rate(@Nullable TokenBucket bucket) {
        if (bucket == null) return Optional.empty();
        return Optional.of(new QuotaRates.Rate(
                bucket.perMinute(), bucket.available(), Duration.ofNanos(bucket.waitNs(bucket.perMinute()))));
    }
}

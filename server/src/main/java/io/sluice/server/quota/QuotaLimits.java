package io.sluice.server.quota;

/// How much one key or one tenant may ask for, on this instance. A value.
///
/// @param requestsPerMinute refilled continuously; as many may come at once
/// @param tokensPerMinute prompt and output together; refilled continuously, as many may be taken at once
/// @param concurrentMax requests under way at the same time; of a tenant, keys have no such limit
public record QuotaLimits(int requestsPerMinute, int tokensPerMinute, int concurrentMax) {

    /// A limit that is none.
    public static final int UNLIMITED = Integer.MAX_VALUE;

    /// The highest limit per minute: a bucket's content is counted in 60-billionths and must fit 63 bits.
    public static final int PER_MINUTE_MAX = 100_000_000;

    /// The most requests under way at once that a limit may name; more connections than that no machine holds.
    public static final int CONCURRENT_MAX = 1 << 20;

    public static final QuotaLimits NONE = new QuotaLimits(UNLIMITED, UNLIMITED, UNLIMITED);

    public QuotaLimits {
        check(requestsPerMinute, PER_MINUTE_MAX);
        check(tokensPerMinute, PER_MINUTE_MAX);
        check(concurrentMax, CONCURRENT_MAX);
    }

    private static void check(int limit, int most) {
        if (limit != UNLIMITED && (limit < 1 || limit > most)) {
            throw new IllegalArgumentException("must be between 1 and " + most + ", got " + limit);
        }
    }

    boolean isNone() {
        return equals(NONE);
    }
}

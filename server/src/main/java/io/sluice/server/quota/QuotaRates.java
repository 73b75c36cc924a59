package io.sluice.server.quota;

import java.time.Duration;
import java.util.Optional;

/// Where a caller stands: of the key's and the tenant's limits the one with less left. A value.
public record QuotaRates(Optional<Rate> requests, Optional<Rate> tokens) {

    public static final QuotaRates NONE = new QuotaRates(Optional.empty(), Optional.empty());

    /// One limit's state.
    ///
    /// @param reset until all of it is there again, if nothing else is taken
    public record Rate(long limit, long remaining, Duration reset) {}
}

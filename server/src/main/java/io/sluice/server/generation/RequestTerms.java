package io.sluice.server.generation;

import io.sluice.batching.Attempt;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.server.policy.Rates;
import io.sluice.server.quota.QuotaPermit;
import java.util.Optional;
import java.util.OptionalInt;

/// For whom and under which terms a request is served. Decided by who asks, never by what is in the request's body. A
/// value.
///
/// @param salt of the caller's part of the prefix cache
/// @param sharedPrefixes what the operator lets tenants share
/// @param attempt whether it was refused before; what it says is believed, for it is of use only among its tenant's own
/// @param outputTokensDefault the most output tokens of a request that names no limit; else the model's
/// @param rates what it costs; empty without a price table
/// @param permit the request's share of its caller's quotas
/// @param meter told what becomes of the request
public record RequestTerms(
        Caller caller,
        long salt,
        SharedPrefixes sharedPrefixes,
        Deadlines deadlines,
        Attempt attempt,
        OptionalInt outputTokensDefault,
        Optional<Rates> rates,
        QuotaPermit permit,
        RequestMeter meter) {}

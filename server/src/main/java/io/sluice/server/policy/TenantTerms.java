package io.sluice.server.policy;

import io.sluice.batching.InvalidPolicy;
import io.sluice.batching.Tenant;
import io.sluice.batching.TrafficClass;
import io.sluice.server.quota.QuotaLimits;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// What a tenant is promised and held to. A value without the tenant's name, so that many tenants can share one.
///
/// @param trafficClass the best that its requests may ask for
/// @param firstTokenWithin after which no request without a token is of use
/// @param within after which no request is of use
/// @param outputTokensDefault the most output tokens of a request that names no limit; else the server's
public record TenantTerms(
        TrafficClass trafficClass,
        double weight,
        double kvFloor,
        double kvCeiling,
        QuotaLimits limits,
        Optional<Duration> firstTokenWithin,
        Optional<Duration> within,
        OptionalInt outputTokensDefault) {

    /// Of tenants that nobody said anything about.
    public static final TenantTerms USUAL = new TenantTerms(
            TrafficClass.STANDARD, 1, 0, 1, QuotaLimits.NONE, Optional.empty(), Optional.empty(), OptionalInt.empty());

    public TenantTerms {
        var _ = new Tenant("checked", weight, kvFloor, kvCeiling);
        if (firstTokenWithin.filter(Duration::isZero).isPresent()) {
            throw new InvalidPolicy("ttft-deadline", "must be more than nothing");
        }
        if (within.filter(Duration::isZero).isPresent()) {
            throw new InvalidPolicy("deadline", "must be more than nothing");
        }
    }

    /// The tenant of this name, as the engine knows it.
    public Tenant tenant(String name) {
        return new Tenant(name, weight, kvFloor, kvCeiling);
    }

    /// The fields as a policy file has them, in the order of the documentation; those that say nothing are left out.
    Map<String, String> fields() {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("class", trafficClass.name());
        fields.put("weight", PolicyText.number(weight));
        fields.put("kv-floor", PolicyText.number(kvFloor));
        fields.put("kv-ceiling", PolicyText.number(kvCeiling));
        PolicyText.putLimits(fields, limits);
        firstTokenWithin.ifPresent(time -> fields.put("ttft-deadline", PolicyText.time(time)));
        within.ifPresent(time -> fields.put("deadline", PolicyText.time(time)));
        outputTokensDefault.ifPresent(count -> fields.put("max-tokens-default", Integer.toString(count)));
        return fields;
    }
}

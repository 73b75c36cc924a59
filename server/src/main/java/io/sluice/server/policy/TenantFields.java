package io.sluice.server.policy;

import io.sluice.batching.TrafficClass;
import io.sluice.server.quota.QuotaLimits;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// The fields of one tenant while they are read. Its class may be defined further down the file, so it is a
/// name until all is read. One thread.
final class TenantFields {
    static final String CLASS = "class";
    static final List<String> NAMES = List.of(
            CLASS,
            "weight",
            "kv-floor",
            "kv-ceiling",
            "requests-per-minute",
            "tokens-per-minute",
            "max-concurrent",
            "ttft-deadline",
            "deadline",
            "max-tokens-default");

    private static final int TOKENS_MAX = 1 << 24;

    private String className = TrafficClass.STANDARD.name();
    private double weight = TenantTerms.USUAL.weight();
    private double kvFloor = TenantTerms.USUAL.kvFloor();
    private double kvCeiling = TenantTerms.USUAL.kvCeiling();
    private int requestsPerMinute = QuotaLimits.UNLIMITED;
    private int tokensPerMinute = QuotaLimits.UNLIMITED;
    private int concurrentMax = QuotaLimits.UNLIMITED;
    private Optional<Duration> firstTokenWithin = Optional.empty();
    private Optional<Duration> within = Optional.empty();
    private OptionalInt outputTokensDefault = OptionalInt.empty();

    /// Terms whose class is still a name. A value: tenants with equal ones share it.
    record Unresolved(String className, TenantTerms terms) {
        TenantTerms with(TrafficClass trafficClass) {
            return new TenantTerms(
                    trafficClass,
                    terms.weight(),
                    terms.kvFloor(),
                    terms.kvCeiling(),
                    terms.limits(),
                    terms.firstTokenWithin(),
                    terms.within(),
                    terms.outputTokensDefault());
        }
    }

    void take(String field, FieldReader reader) {
        switch (field) {
            case CLASS -> className = reader.text(field);
            case "weight" -> weight = reader.number(field);
            case "kv-floor" -> kvFloor = reader.part(field);
            case "kv-ceiling" -> kvCeiling = reader.part(field);
            case "requests-per-minute" -> requestsPerMinute = reader.perMinute(field);
            case "tokens-per-minute" -> tokensPerMinute = reader.perMinute(field);
            case "max-concurrent" -> concurrentMax = reader.limit(field, QuotaLimits.CONCURRENT_MAX);
            case "ttft-deadline" -> firstTokenWithin = Optional.of(reader.time(field));
            case "deadline" -> within = Optional.of(reader.time(field));
            case "max-tokens-default" -> outputTokensDefault = OptionalInt.of(reader.limit(field, TOKENS_MAX));
            default -> throw new IllegalArgumentException(field);
        }
    }

    String className() {
        return className;
    }

    Unresolved made() {
        return new Unresolved(
                className,
                new TenantTerms(
                        TrafficClass.STANDARD,
                        weight,
                        kvFloor,
                        kvCeiling,
                        new QuotaLimits(requestsPerMinute, tokensPerMinute, concurrentMax),
                        firstTokenWithin,
                        within,
                        outputTokensDefault));
    }
}

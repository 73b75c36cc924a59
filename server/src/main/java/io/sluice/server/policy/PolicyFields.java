package io.sluice.server.policy;

import io.sluice.batching.TrafficClass;
import java.util.Map;

/// What may be shown of a policy: fields as its file has them, no secrets. Any thread.
public final class PolicyFields {
    private PolicyFields() {}

    public static Map<String, String> of(TrafficClass trafficClass) {
        return PolicyText.fields(trafficClass);
    }

    public static Map<String, String> of(TenantTerms terms) {
        return terms.fields();
    }

    public static Map<String, String> of(SharedPrefix prefix) {
        return prefix.fields();
    }

    public static Map<String, String> of(Rates rates) {
        return rates.fields();
    }

    public static Map<String, String> of(ApiKey key) {
        return key.fields();
    }
}

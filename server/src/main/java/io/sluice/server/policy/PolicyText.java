package io.sluice.server.policy;

import io.sluice.batching.TrafficClass;
import io.sluice.server.quota.QuotaLimits;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/// Writes values as policy files have them. Any thread.
final class PolicyText {
    private PolicyText() {}

    static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e9
                ? Long.toString((long) value)
                : Double.toString(value);
    }

    static String time(Duration time) {
        long millis = time.toMillis();
        return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
    }

    static void putLimits(Map<String, String> fields, QuotaLimits limits) {
        putLimit(fields, "requests-per-minute", limits.requestsPerMinute());
        putLimit(fields, "tokens-per-minute", limits.tokensPerMinute());
        putLimit(fields, "max-concurrent", limits.concurrentMax());
    }

    private static void putLimit(Map<String, String> fields, String name, int limit) {
        if (limit != QuotaLimits.UNLIMITED) fields.put(name, Integer.toString(limit));
    }

    static Map<String, String> fields(TrafficClass trafficClass) {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("rank", Integer.toString(trafficClass.rank()));
        fields.put("guaranteed", Boolean.toString(trafficClass.guaranteed()));
        fields.put("parkable", Boolean.toString(trafficClass.parkable()));
        fields.put("reserve", number(trafficClass.reserveQuantile()));
        fields.put("floor", number(trafficClass.floor()));
        fields.put("aging", time(Duration.ofNanos(trafficClass.agingNs())));
        fields.put("ttft", time(Duration.ofNanos(trafficClass.firstTokenTargetNs())));
        if (trafficClass.tokenGapTargetNs() != TrafficClass.NO_TARGET) {
            fields.put("itl", time(Duration.ofNanos(trafficClass.tokenGapTargetNs())));
        }
        fields.put("max-waiting", Integer.toString(trafficClass.waitingMax()));
        return fields;
    }
}

package io.sluice.benchmarks.traffic;

import java.util.HashMap;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/// The gaps between tokens of all requests that arrived within a window, by class and by tenant. One thread.
final class Gaps implements TokenListener {
    private static final int DIGITS = 2; // a report keeps thousands of histograms
    private static final long MICROSECOND_NS = 1000;

    private final long fromNs;
    private final Map<String, Histogram> byClass = new HashMap<>(); // microseconds
    private final Map<String, Histogram> byTenant = new HashMap<>();

    /// @param fromNs requests that arrived before are not counted
    Gaps(long fromNs) {
        this.fromNs = fromNs;
    }

    @Override
    public void next(TrafficRequest request, long nowNs, long gapNs) {
        if (request.arrivalNs() < fromNs) return;
        long us = gapNs / MICROSECOND_NS;
        of(byClass, request.caller().trafficClass().name()).recordValue(us);
        of(byTenant, request.caller().tenant().name()).recordValue(us);
    }

    private static Histogram of(Map<String, Histogram> histograms, String name) {
        Histogram known = histograms.get(name);
        if (known != null) return known;
        var made = new Histogram(DIGITS);
        made.setAutoResize(true);
        histograms.put(name, made);
        return made;
    }

    /// Takes over what another has counted.
    void add(Gaps other) {
        other.byClass.forEach((name, histogram) -> of(byClass, name).add(histogram));
        other.byTenant.forEach((name, histogram) -> of(byTenant, name).add(histogram));
    }

    /// The gap that the given percentage does not exceed, over one class; NaN if there is none.
    double classNs(String className, double percentage) {
        return ns(byClass.get(className), percentage);
    }

    double tenantNs(String tenant, double percentage) {
        return ns(byTenant.get(tenant), percentage);
    }

    private static double ns(@Nullable Histogram histogram, double percentage) {
        if (histogram == null || histogram.getTotalCount() == 0) return Double.NaN;
        return (double) histogram.getValueAtPercentile(percentage) * MICROSECOND_NS;
    }
}

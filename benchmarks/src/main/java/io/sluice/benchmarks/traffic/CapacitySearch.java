package io.sluice.benchmarks.traffic;

/// Finds the highest rate of a trace that an engine sustains: the part of requests that it serves as promised
/// is at least 95 % of what it is at a tenth of the device's roof. Any thread.
///
/// Relative, because some requests of some traces cannot be served as promised on an idle device.
final class CapacitySearch {
    private static final double SUSTAINED = 0.95;
    private static final double IDLE = 0.1; // of the roof
    private static final double CLOSE = 1.02; // between the bounds, when the search ends

    private final Setup setup;
    private final Policy policy;
    private final Trace trace;

    CapacitySearch(Setup setup, Policy policy, Trace trace) {
        this.setup = setup;
        this.policy = policy;
        this.trace = trace;
    }

    /// What was found. A value.
    ///
    /// @param requestsPerSecond the highest rate that was sustained
    /// @param idleGoodPart the part of requests that is served as promised when there is nearly no load
    record Capacity(double requestsPerSecond, double idleGoodPart) {}

    Capacity find() {
        double roof = setup.device().roofRate(trace);
        double low = roof * IDLE;
        double idle = goodPart(low);
        double high = roof;
        while (isSustained(high, idle)) {
            low = high;
            high *= 2;
            if (high > roof * 1000) throw new IllegalStateException("no rate is too high for this engine");
        }
        while (high / low > CLOSE) {
            double middle = Math.sqrt(low * high);
            if (isSustained(middle, idle)) low = middle;
            else high = middle;
        }
        return new Capacity(low, idle);
    }

    private boolean isSustained(double requestsPerSecond, double idleGoodPart) {
        return goodPart(requestsPerSecond) >= SUSTAINED * idleGoodPart;
    }

    private double goodPart(double requestsPerSecond) {
        return setup.measure(setup.workload(trace, requestsPerSecond), policy)
                .summary()
                .all()
                .goodPart();
    }
}

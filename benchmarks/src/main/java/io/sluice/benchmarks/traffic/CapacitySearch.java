package io.sluice.benchmarks.traffic;

/// Finds the highest rate of a trace that a device sustains: an engine that turns nobody away keeps up. Any thread.
///
/// It keeps up if all is done within a twentieth of the trace's span after the last request has come, beyond
/// what the last requests take anyway. An engine that refuses would not do: what it refuses for the sake of its
/// promises says nothing of the device, and some requests of some traces are too much for any promise.
final class CapacitySearch {
    private static final double LATE = 0.05; // of the span
    private static final double IDLE = 0.1; // of the roof
    private static final double CLOSE = 1.02; // between the bounds, when the search ends
    private static final double RATE_MAX = 1000; // times the roof

    private final Setup setup;
    private final Trace trace;

    CapacitySearch(Setup setup, Trace trace) {
        this.setup = setup;
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
        Summary idle = replay(low);
        if (idle.all().served() == 0) {
            throw new BrokenTrace(trace.name()
                    + ": nearly idle, the engine serves none of its requests: are they too long" + " for this model?");
        }
        double high = roof;
        while (isSustained(high, idle)) {
            low = high;
            high *= 2;
            if (high > roof * RATE_MAX) throw new IllegalStateException("no rate is too high for this engine");
        }
        while (high / low > CLOSE) {
            double middle = Math.sqrt(low * high);
            if (isSustained(middle, idle)) low = middle;
            else high = middle;
        }
        return new Capacity(low, idle.all().goodPart());
    }

    private boolean isSustained(double requestsPerSecond, Summary idle) {
        Summary summary = replay(requestsPerSecond);
        double spanNs = summary.result().workload().endNs();
        double endNs = spanNs * (1 + LATE) + lastAnswersNs(idle);
        return summary.result().endNs() <= endNs;
    }

    /// How long the longest answers take when nothing else happens.
    private static double lastAnswersNs(Summary idle) {
        return idle.all().wholeAnswer().at(100);
    }

    private Summary replay(double requestsPerSecond) {
        return setup.measure(setup.workload(trace, requestsPerSecond), new Policy.FirstCome())
                .summary();
    }
}

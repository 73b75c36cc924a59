package io.sluice.benchmarks.traffic;

import io.sluice.batching.Caller;

/// Two tenants of one class and equal weights, one of whom sends ten times as much as the other; each alone
/// would fill the device. What is served of each, in tokens computed. A value.
///
/// @param load what the lighter one sends, in capacities of the device. At 1 it has gaps in which it wants nothing,
/// since nobody who is refused comes back; at 2 it always wants more than its half
/// @param heavyTokens prompt and output tokens served to the tenant who sends more, while both were
/// backlogged
/// @param lightTokens to the other
/// @param heavyWeighted the same, output tokens counted twice
record FairnessStudy(
        Policy policy, double load, long heavyTokens, long lightTokens, long heavyWeighted, long lightWeighted) {
    static final double DEMAND = 10; // of one over the other
    private static final double SECONDS_MAX = 300;
    private static final double REQUESTS_MAX = 3000; // of the light one

    static FairnessStudy of(Setup setup, Trace trace, double capacity, double load, Policy policy, int stepTokens) {
        double seconds = Math.min(SECONDS_MAX, REQUESTS_MAX / capacity);
        Workload workload = new Scenarios(setup)
                .add(Scenarios.LIGHT, trace.rows(), capacity * load, seconds)
                .add(Scenarios.HEAVY, trace.rows(), capacity * load * DEMAND, seconds)
                .workload(trace);
        var served = new Served(workload);
        var replay = new Replay(workload, setup.device().withStepTokensMax(stepTokens), policy, Clients.GIVE_UP);
        replay.run(served);
        return new FairnessStudy(
                policy,
                load,
                served.heavy.tokens(),
                served.light.tokens(),
                served.heavy.weighted(),
                served.light.weighted());
    }

    /// The larger over the smaller.
    double ratio() {
        return ratio(heavyTokens, lightTokens);
    }

    double weightedRatio() {
        return ratio(heavyWeighted, lightWeighted);
    }

    private static double ratio(long a, long b) {
        return (double) Math.max(a, b) / Math.min(a, b);
    }

    /// Counts prompt tokens when the first output token comes, and output tokens as they come.
    private static final class Served implements TokenListener {
        private final long fromNs;
        private final long toNs;
        private final Count heavy = new Count();
        private final Count light = new Count();

        Served(Workload workload) {
            fromNs = workload.measuredFromNs();
            toNs = workload.endNs();
        }

        @Override
        public void first(TrafficRequest request, long nowNs) {
            if (!isWatched(nowNs)) return;
            Count count = of(request.caller());
            count.prompt += request.promptTokens();
            count.output++;
        }

        @Override
        public void next(TrafficRequest request, long nowNs, long gapNs) {
            if (isWatched(nowNs)) of(request.caller()).output++;
        }

        private boolean isWatched(long nowNs) {
            return nowNs >= fromNs && nowNs <= toNs;
        }

        private Count of(Caller caller) {
            return caller.equals(Scenarios.HEAVY) ? heavy : light;
        }
    }

    private static final class Count {
        private long prompt;
        private long output;

        long tokens() {
            return prompt + output;
        }

        long weighted() {
            return prompt + 2 * output;
        }
    }
}

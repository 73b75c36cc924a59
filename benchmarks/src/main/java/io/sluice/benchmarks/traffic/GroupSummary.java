package io.sluice.benchmarks.traffic;

import java.util.ArrayList;
import java.util.List;

/// What a group of requests got: a class, a tenant, or all. A value; times in nanoseconds, NaN where nothing
/// was served.
///
/// @param offered requests that arrived while it was measured
/// @param good of those, served as promised
/// @param strictlyGood the same with the harder view of gaps
/// @param goodTokens output tokens of the good ones
/// @param promptTokens of the served ones
/// @param cachedTokens of those, found in the prefix cache
record GroupSummary(
        String name,
        int offered,
        int served,
        int refused,
        int broken,
        int good,
        int strictlyGood,
        long goodTokens,
        long preemptions,
        long promptTokens,
        long cachedTokens,
        Percentiles firstToken,
        Percentiles meanGap,
        Percentiles wholeAnswer) {

    static GroupSummary of(String name, List<Outcome> outcomes) {
        int refused = 0;
        int broken = 0;
        int good = 0;
        int strictlyGood = 0;
        long goodTokens = 0;
        long preemptions = 0;
        long promptTokens = 0;
        long cachedTokens = 0;
        var served = new ArrayList<Timing>();
        for (Outcome outcome : outcomes) {
            switch (outcome) {
                case Outcome.Served it -> {
                    served.add(it.timing());
                    promptTokens += it.request().promptTokens();
                    cachedTokens += it.cachedTokens();
                    preemptions += it.preemptions();
                    Slo slo = Promise.of(it.request().caller().trafficClass().name())
                            .slo();
                    if (slo.isMet(it.timing())) {
                        good++;
                        goodTokens += it.timing().tokens();
                    }
                    if (slo.isMetStrictly(it.timing())) strictlyGood++;
                }
                case Outcome.Refused _ -> refused++;
                case Outcome.Broken it -> {
                    broken++;
                    preemptions += it.preemptions();
                }
            }
        }
        return new GroupSummary(
                name,
                outcomes.size(),
                served.size(),
                refused,
                broken,
                good,
                strictlyGood,
                goodTokens,
                preemptions,
                promptTokens,
                cachedTokens,
                new Percentiles(
                        served.stream().mapToDouble(Timing::firstTokenNs).toArray()),
                new Percentiles(served.stream()
                        .filter(it -> it.tokens() > 1)
                        .mapToDouble(Timing::meanGapNs)
                        .toArray()),
                new Percentiles(served.stream().mapToDouble(Timing::lastTokenNs).toArray()));
    }

    double goodPart() {
        return offered == 0 ? Double.NaN : (double) good / offered;
    }

    /// The part of prompt tokens that was found in the prefix cache.
    double foundPart() {
        return promptTokens == 0 ? Double.NaN : (double) cachedTokens / promptTokens;
    }

    double strictlyGoodPart() {
        return offered == 0 ? Double.NaN : (double) strictlyGood / offered;
    }
}

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
        var served = new ArrayList<Outcome.Served>();
        for (Outcome outcome : outcomes) {
            switch (outcome) {
                case Outcome.Served it -> {
                    served.add(it);
                    preemptions += it.preemptions();
                    Slo slo = Promise.of(it.request().caller().trafficClass().name())
                            .slo();
                    if (slo.isMet(it)) {
                        good++;
                        goodTokens += it.tokens();
                    }
                    if (slo.isMetStrictly(it)) strictlyGood++;
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
                new Percentiles(served.stream()
                        .mapToDouble(Outcome.Served::firstTokenNs)
                        .toArray()),
                new Percentiles(served.stream()
                        .filter(it -> it.tokens() > 1)
                        .mapToDouble(Outcome.Served::meanGapNs)
                        .toArray()),
                new Percentiles(
                        served.stream().mapToDouble(Outcome.Served::lastTokenNs).toArray()));
    }

    double goodPart() {
        return offered == 0 ? Double.NaN : (double) good / offered;
    }

    double strictlyGoodPart() {
        return offered == 0 ? Double.NaN : (double) strictlyGood / offered;
    }
}

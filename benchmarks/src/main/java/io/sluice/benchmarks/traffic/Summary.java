package io.sluice.benchmarks.traffic;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/// A replay in numbers, over the requests that arrived while it was measured. A value.
///
/// @param seconds that were measured
/// @param classes in the order of the promises
/// @param tenants by name
/// @param refusals by reason, in words
record Summary(
        ReplayResult result,
        double seconds,
        GroupSummary all,
        List<GroupSummary> classes,
        List<GroupSummary> tenants,
        Map<String, Integer> refusals) {
    private static final long SECOND_NS = 1_000_000_000L;

    static Summary of(ReplayResult result) {
        Workload workload = result.workload();
        List<Outcome> measured = result.outcomes().stream()
                .filter(it -> it.request().arrivalNs() >= workload.measuredFromNs())
                .toList();
        var byClass =
                grouped(measured, it -> it.request().caller().trafficClass().name());
        var byTenant = grouped(measured, it -> it.request().caller().tenant().name());
        return new Summary(
                result,
                (workload.endNs() - workload.measuredFromNs()) / 1e9,
                GroupSummary.of("all", measured),
                Promise.ALL.stream()
                        .map(promise ->
                                GroupSummary.of(promise.name(), byClass.getOrDefault(promise.name(), List.of())))
                        .filter(group -> group.offered() > 0)
                        .toList(),
                byTenant.entrySet().stream()
                        .map(entry -> GroupSummary.of(entry.getKey(), entry.getValue()))
                        .toList(),
                refusals(measured));
    }

    private static TreeMap<String, List<Outcome>> grouped(List<Outcome> outcomes, Function<Outcome, String> group) {
        return outcomes.stream().collect(Collectors.groupingBy(group, TreeMap::new, Collectors.toList()));
    }

    private static Map<String, Integer> refusals(List<Outcome> outcomes) {
        var counts = new TreeMap<String, Integer>();
        for (Outcome outcome : outcomes) {
            if (outcome instanceof Outcome.Refused refused) {
                counts.merge(RefusalStatus.text(refused.last().reason()), 1, Integer::sum);
            }
        }
        return counts;
    }

    /// Requests served as promised, per second.
    double goodput() {
        return all.good() / seconds;
    }

    double strictGoodput() {
        return all.strictlyGood() / seconds;
    }

    /// Output tokens of requests served as promised, per second.
    double tokenGoodput() {
        return all.goodTokens() / seconds;
    }

    /// How much of the promise to come back was true: what was said over what was so.
    Percentiles saidOverTrue() {
        return new Percentiles(result.retryAfter().stream()
                .mapToDouble(told -> (double) told.saidNs() / told.trueNs())
                .toArray());
    }

    /// The same, and too much counts like too little: the larger of the two over the smaller.
    Percentiles misjudged() {
        return misjudged(1);
    }

    /// The same of `Retry-After` itself, which can only say whole seconds and rounds up.
    Percentiles misjudgedInSeconds() {
        return misjudged(SECOND_NS);
    }

    private Percentiles misjudged(long unitNs) {
        return new Percentiles(result.retryAfter().stream()
                .mapToDouble(told -> (double) Math.ceilDiv(told.saidNs(), unitNs) * unitNs / told.trueNs())
                .map(ratio -> Math.max(ratio, 1 / ratio))
                .toArray());
    }

    /// Of the requests that were refused at first and served in the end, the part that was admitted when it
    /// came for the second time.
    double secondAttemptPart() {
        long later = attempts(2, Integer.MAX_VALUE);
        return later == 0 ? Double.NaN : (double) attempts(2, 2) / later;
    }

    private long attempts(int from, int to) {
        return result.outcomes().stream()
                .filter(it ->
                        it instanceof Outcome.Served served && served.attempts() >= from && served.attempts() <= to)
                .count();
    }
}

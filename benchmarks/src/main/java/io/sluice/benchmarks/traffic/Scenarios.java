package io.sluice.benchmarks.traffic;

import io.sluice.batching.Caller;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.Tenant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/// Builds workloads of two tenants for questions that a trace alone does not ask. One thread.
final class Scenarios {
    static final Caller HEAVY = caller("heavy", "standard");
    static final Caller LIGHT = caller("light", "standard");

    private final long seed;
    private final int contextMax;
    private final List<TrafficRequest> requests = new ArrayList<>();

    Scenarios(Setup setup) {
        seed = setup.seed();
        contextMax = setup.device().model().contextMax();
    }

    static Caller caller(String tenant, String className) {
        return new Caller(new Tenant(tenant, 1, 0, 1), Promise.of(className).trafficClass());
    }

    /// Requests of one caller, at random moments (Poisson), as long as rows drawn from the trace. Each caller
    /// has draws of its own: what another caller sends changes nothing.
    Scenarios add(Caller caller, List<TraceRow> lengths, double requestsPerSecond, double seconds) {
        var random = new SplittableRandom(Mix.of(seed, 6, caller.tenant().name().hashCode()));
        double at = 0;
        while (true) {
            at -= StrictMath.log(1 - random.nextDouble()) / requestsPerSecond;
            if (at >= seconds) return this;
            add(caller, (long) (at * 1e9), lengths.get(random.nextInt(lengths.size())));
        }
    }

    /// One request; its prompt is like no other.
    Scenarios add(Caller caller, long arrivalNs, TraceRow row) {
        int index = requests.size();
        TraceRow plain = new TraceRow(arrivalNs, row.promptTokens(), row.outputTokens(), List.of());
        requests.add(new TrafficRequest(
                index,
                arrivalNs,
                plain,
                caller,
                Workload.allowance(plain, contextMax),
                PrefixScope.of(caller.tenant().name().hashCode()),
                Mix.of(seed, 7, caller.tenant().name().hashCode()) + arrivalNs));
        return this;
    }

    Workload workload(Trace source) {
        var ordered = new ArrayList<>(requests);
        ordered.sort(Comparator.comparingLong(TrafficRequest::arrivalNs));
        var numbered = new ArrayList<TrafficRequest>(ordered.size());
        for (TrafficRequest it : ordered) {
            numbered.add(new TrafficRequest(
                    numbered.size(),
                    it.arrivalNs(),
                    it.row(),
                    it.caller(),
                    it.maxNewTokens(),
                    it.scope(),
                    it.contentKey()));
        }
        return new Workload(source, seed, numbered);
    }
}

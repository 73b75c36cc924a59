package io.sluice.benchmarks.traffic;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/// Replays a workload on several instances behind a router: the router decides first, since it goes by what
/// it sent alone, and then every instance is a replay of its own, on as many threads as there are. A value.
record Fleet(Setup setup, int instances, Router.Rule rule, int threads) {
    static final int INSTANCES_MAX = 1000;

    /// What an instance did.
    private record Part(ReplayResult result, Gaps gaps) {}

    Measured measure(Workload workload, Policy policy, Clients clients) {
        List<Callable<Part>> replays = new ArrayList<>();
        for (List<TrafficRequest> requests : shared(workload)) {
            if (requests.isEmpty()) continue;
            replays.add(() -> {
                var gaps = new Gaps(workload.measuredFromNs());
                var its = new Workload(workload.trace(), workload.seed(), requests);
                return new Part(new Replay(its, setup.device(), policy, clients).run(gaps), gaps);
            });
        }
        List<Part> parts;
        try (var pool = new ReplayPool(threads)) {
            parts = pool.run(replays);
        }
        return joined(workload, policy, clients, parts);
    }

    /// Each instance's requests, numbered anew: an instance knows nothing of the others'.
    private List<List<TrafficRequest>> shared(Workload workload) {
        var router = new Router(rule, setup.device(), instances);
        List<List<TrafficRequest>> shared = new ArrayList<>();
        for (int i = 0; i < instances; i++) shared.add(new ArrayList<>());
        for (TrafficRequest it : workload.requests()) {
            List<TrafficRequest> its = shared.get(router.choose(it));
            its.add(new TrafficRequest(
                    its.size(), it.arrivalNs(), it.row(), it.caller(), it.maxNewTokens(), it.scope(), it.contentKey()));
        }
        return shared;
    }

    private Measured joined(Workload workload, Policy policy, Clients clients, List<Part> parts) {
        List<Outcome> outcomes = new ArrayList<>();
        List<RetryAfterCheck.Told> told = new ArrayList<>();
        var gaps = new Gaps(workload.measuredFromNs());
        double kvPart = 0;
        double running = 0;
        double waiting = 0;
        long exhaustions = 0;
        long endNs = 0;
        var sum = new SimulatedEngine.State(0, 0, 0, 0, 0, 0, 0, 0);
        for (Part part : parts) {
            ReplayResult it = part.result();
            outcomes.addAll(it.outcomes());
            told.addAll(it.retryAfter());
            gaps.add(part.gaps());
            kvPart += it.occupancy().kvPart() / instances;
            running += it.occupancy().running();
            waiting += it.occupancy().waiting();
            exhaustions += it.exhaustions();
            endNs = Math.max(endNs, it.endNs());
            sum = sum.plus(it.last());
        }
        var occupancy = new Occupancy.Mean(kvPart, running, waiting);
        var result = new ReplayResult(workload, policy, outcomes, occupancy, told, sum, exhaustions, endNs);
        return new Measured(Summary.of(result), gaps, setup.device().stepTokensMax(), clients);
    }
}

package io.sluice.benchmarks.traffic;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;

/// One trace through all policies at several loads. A value.
///
/// @param baselineStepTokensMax the step budget of what Sluice is compared with: the best of a sweep at
/// capacity
/// @param loads in rising order
/// @param obeying the engine under test at twice its capacity, with clients that come back when they are told
/// to
record TraceStudy(
        Trace trace, CapacitySearch.Capacity capacity, int baselineStepTokensMax, List<Load> loads, Measured obeying) {
    static final List<Double> FACTORS = List.of(0.7, 1.0, 2.0, 4.0);

    private static final List<Integer> STEP_TOKENS = List.of(512, 1024, 2048, 4096, 8192);
    private static final List<Integer> CAPS = List.of(1, 2, 4, 8, 16, 32, 64, 128, 256, 512);
    private static final Comparator<Measured> BY_GOODPUT = Comparator.comparingDouble(Measured::goodput);

    /// All policies at one load. A value.
    ///
    /// @param factor times capacity
    /// @param bestCap the static cap of all that were tried that did best at this load, known only afterwards
    /// @param bestReservation the same with full reservation
    /// @param caps all that were tried, in rising order; the last lets more wait than ever helps
    /// @param reservations the same with full reservation
    record Load(
            double factor,
            Measured sluice,
            Measured firstCome,
            Measured bestCap,
            Measured bestReservation,
            List<Measured> caps,
            List<Measured> reservations) {
        List<Measured> compared() {
            return List.of(sluice, firstCome, bestCap, bestReservation);
        }
    }

    static TraceStudy of(Setup setup, Trace trace, ReplayPool pool) {
        var capacity = new CapacitySearch(setup, trace).find();
        int stepTokens = bestStepTokens(setup, trace, capacity, pool);
        var loads = new ArrayList<Load>();
        for (double factor : FACTORS) {
            loads.add(load(setup, trace, factor, factor * capacity.requestsPerSecond(), stepTokens, pool));
        }
        Workload twice = setup.workload(trace, 2 * capacity.requestsPerSecond());
        Measured obeying =
                setup.measure(twice, new Policy.Sluice(), setup.device().stepTokensMax(), Clients.OBEY_RETRY_AFTER);
        return new TraceStudy(trace, capacity, stepTokens, loads, obeying);
    }

    private static int bestStepTokens(Setup setup, Trace trace, CapacitySearch.Capacity capacity, ReplayPool pool) {
        Workload workload = setup.workload(trace, 2 * capacity.requestsPerSecond());
        var replays = new ArrayList<Callable<Measured>>();
        for (int tokens : STEP_TOKENS) {
            for (int cap : CAPS.subList(0, CAPS.size() / 2)) {
                replays.add(() -> setup.measure(workload, new Policy.StaticCap(cap), tokens, Clients.GIVE_UP));
            }
        }
        return pool.run(replays).stream().max(BY_GOODPUT).orElseThrow().stepTokensMax();
    }

    private static Load load(
            Setup setup, Trace trace, double factor, double requestsPerSecond, int stepTokens, ReplayPool pool) {
        Workload workload = setup.workload(trace, requestsPerSecond);
        var replays = new ArrayList<Callable<Measured>>();
        replays.add(() -> setup.measure(workload, new Policy.Sluice()));
        replays.add(() -> setup.measure(workload, new Policy.FirstCome(), stepTokens, Clients.GIVE_UP));
        for (int cap : CAPS) {
            replays.add(() -> setup.measure(workload, new Policy.StaticCap(cap), stepTokens, Clients.GIVE_UP));
        }
        for (int cap : CAPS) {
            replays.add(() -> setup.measure(workload, new Policy.FullReservation(cap), stepTokens, Clients.GIVE_UP));
        }
        List<Measured> results = pool.run(replays);
        List<Measured> caps = results.subList(2, 2 + CAPS.size());
        List<Measured> reservations = results.subList(2 + CAPS.size(), results.size());
        return new Load(
                factor,
                results.get(0),
                results.get(1),
                caps.stream().max(BY_GOODPUT).orElseThrow(),
                reservations.stream().max(BY_GOODPUT).orElseThrow(),
                List.copyOf(caps),
                List.copyOf(reservations));
    }

    Load at(double factor) {
        return loads.stream()
                .filter(load -> load.factor() == factor)
                .findFirst()
                .orElseThrow();
    }

    /// The engine under test at the load at which it served most as promised.
    Measured peak() {
        return loads.stream().map(Load::sluice).max(BY_GOODPUT).orElseThrow();
    }
}

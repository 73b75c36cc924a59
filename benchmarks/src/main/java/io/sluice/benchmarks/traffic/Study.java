package io.sluice.benchmarks.traffic;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

/// All that one report says. A value: setup and traces decide it.
record Study(Setup setup, List<PerTrace> traces, List<LongPromptStudy> longPrompts) {

    private static final List<Double> FAIRNESS_LOADS = List.of(2.0, 1.0); // the first is what the claim is about

    /// One trace, and the questions of two tenants asked with its lengths. A value.
    record PerTrace(TraceStudy study, List<FairnessStudy> fairness, List<LightTenantStudy> lightTenants) {}

    /// Runs all replays.
    ///
    /// @param progress told what happens next, for somebody who waits
    static Study of(Setup setup, List<Trace> traces, ReplayPool pool, Consumer<String> progress) {
        var studied = new ArrayList<PerTrace>();
        for (Trace trace : traces) {
            progress.accept(trace.name() + ": policies at several loads");
            TraceStudy study = TraceStudy.of(setup, trace, pool);
            progress.accept(trace.name() + ": two tenants");
            studied.add(tenants(setup, study, pool));
        }
        progress.accept("long prompts");
        int stepTokens = studied.getFirst().study().baselineStepTokensMax();
        List<Callable<LongPromptStudy>> longPrompts = List.of(
                () -> LongPromptStudy.of(
                        setup, new Policy.Sluice(), setup.device().stepTokensMax()),
                () -> LongPromptStudy.of(setup, new Policy.FirstCome(), stepTokens));
        return new Study(setup, studied, pool.run(longPrompts));
    }

    private static PerTrace tenants(Setup setup, TraceStudy study, ReplayPool pool) {
        Trace trace = study.trace();
        double capacity = study.capacity().requestsPerSecond();
        var fairness = new ArrayList<Callable<FairnessStudy>>();
        var light = new ArrayList<Callable<LightTenantStudy>>();
        for (Policy policy :
                List.of(new Policy.Sluice(), study.at(2.0).bestCap().policy())) {
            int stepTokens =
                    policy instanceof Policy.Sluice ? setup.device().stepTokensMax() : study.baselineStepTokensMax();
            for (double load : FAIRNESS_LOADS)
                fairness.add(() -> FairnessStudy.of(setup, trace, capacity, load, policy, stepTokens));
            light.add(() -> LightTenantStudy.of(setup, trace, capacity, policy, stepTokens));
        }
        return new PerTrace(study, pool.run(fairness), pool.run(light));
    }
}

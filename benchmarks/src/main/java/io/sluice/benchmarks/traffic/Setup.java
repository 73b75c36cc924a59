package io.sluice.benchmarks.traffic;

/// What replays of one report have in common. A value.
///
/// @param commit the source that was built, for the reader
/// @param device for the engine under test; what it is compared with may have another step budget
record Setup(String commit, long seed, DeviceModel device) {

    /// What this trace's clients send at `requestsPerSecond`.
    Workload workload(Trace trace, double requestsPerSecond) {
        return Workload.of(trace.atRate(requestsPerSecond), seed, device.model().contextMax());
    }

    /// Replays a workload, on a device of that step budget.
    Measured measure(Workload workload, Policy policy, int stepTokensMax, Clients clients) {
        var gaps = new Gaps(workload.measuredFromNs());
        var replay = new Replay(workload, device.withStepTokensMax(stepTokensMax), policy, clients);
        return new Measured(Summary.of(replay.run(gaps)), gaps, stepTokensMax, clients);
    }

    Measured measure(Workload workload, Policy policy) {
        return measure(workload, policy, device.stepTokensMax(), Clients.GIVE_UP);
    }
}

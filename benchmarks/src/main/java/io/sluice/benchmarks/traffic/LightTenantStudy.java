package io.sluice.benchmarks.traffic;

/// A tenant who sends little, alone and beside one of the same class who sends twice what the device can do.
/// A value; times in nanoseconds.
///
/// @param aloneNs p99 of its times to the first token when it has the device to itself
/// @param besideNs the same beside the other
/// @param stepNs mean duration of a step beside the other
/// @param refused of its requests, beside the other
/// @param offered of its requests
record LightTenantStudy(Policy policy, double aloneNs, double besideNs, double stepNs, int refused, int offered) {
    private static final double LIGHT = 0.05; // of capacity
    private static final double HEAVY = 2.0;
    private static final double REQUESTS = 500;

    static LightTenantStudy of(Setup setup, Trace trace, double capacity, Policy policy, int stepTokens) {
        double seconds = REQUESTS / (LIGHT * capacity);
        Workload alone = new Scenarios(setup)
                .add(Scenarios.LIGHT, trace.rows(), LIGHT * capacity, seconds)
                .workload(trace);
        Workload beside = new Scenarios(setup)
                .add(Scenarios.LIGHT, trace.rows(), LIGHT * capacity, seconds)
                .add(Scenarios.HEAVY, trace.rows(), HEAVY * capacity, seconds)
                .workload(trace);
        Measured quiet = setup.measure(alone, policy, stepTokens, Clients.GIVE_UP);
        Measured busy = setup.measure(beside, policy, stepTokens, Clients.GIVE_UP);
        GroupSummary light = light(busy);
        ReplayResult result = busy.summary().result();
        return new LightTenantStudy(
                policy,
                light(quiet).firstToken().at(99),
                light.firstToken().at(99),
                (double) result.endNs() / result.last().steps(),
                light.refused(),
                light.offered());
    }

    private static GroupSummary light(Measured measured) {
        return measured.summary().tenants().stream()
                .filter(group -> group.name().equals("light"))
                .findFirst()
                .orElseThrow();
    }

    /// How much longer it waits, two steps forgiven.
    double ratio() {
        return (besideNs - 2 * stepNs) / aloneNs;
    }
}

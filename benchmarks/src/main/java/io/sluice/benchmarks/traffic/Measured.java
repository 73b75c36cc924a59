package io.sluice.benchmarks.traffic;

/// One measured replay with its conditions. A value.
///
/// @param gaps of the requests that were measured
record Measured(Summary summary, Gaps gaps, int stepTokensMax, Clients clients) {
    Policy policy() {
        return summary.result().policy();
    }

    double goodput() {
        return summary.goodput();
    }

    /// How often requests of a class lost their blocks.
    long preemptions(String className) {
        return summary.classes().stream()
                .filter(group -> group.name().equals(className))
                .mapToLong(GroupSummary::preemptions)
                .sum();
    }
}

package io.sluice.benchmarks.traffic;

import java.util.OptionalLong;

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

    /// How often requests of a class lost their blocks; empty if the engine does not tell whose it took.
    OptionalLong preemptions(String className) {
        ReplayResult result = summary.result();
        if (result.attributedPreemptions() != result.last().preemptions()) return OptionalLong.empty();
        return OptionalLong.of(summary.classes().stream()
                .filter(group -> group.name().equals(className))
                .mapToLong(GroupSummary::preemptions)
                .sum());
    }
}

package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Decides how much of a class's target a flow's requests may wait, when another flow of the class was refused lately
/// of which less was admitted. Virtual time puts in order who waits, and can do nothing for who does not get that far:
/// where few requests fit into the target, whoever sends ten times as often finds the free place ten times as often.
/// So of whom more was admitted may wait for less, by as much more as it was, and leaves places to the other. Any
/// thread.
final class Deference {

    /// A refusal counts for so long.
    private static final long KEPT_FOR_NS = 10_000_000_000L;

    /// Some of the target is left to everybody: who was refused may not come back.
    private static final double PART_MIN = 0.05;

    private @Nullable Flow refused; // of those that were refused lately, the one of which least was admitted
    private long refusedAtNs;
    private double refusedHad; // then

    /// A flow's request was refused for its wait.
    synchronized void refused(Flow flow, long nowNs) {
        boolean isLeast = refused == null || nowNs - refusedAtNs > KEPT_FOR_NS || admitted(flow, nowNs) <= refusedHad;
        if (!isLeast) return;
        refused = flow;
        refusedAtNs = nowNs;
        refusedHad = admitted(flow, nowNs);
    }

    /// The part of its class's target that a request of the flow may wait; in (0, 1].
    synchronized double part(Flow flow, long nowNs) {
        if (refused == null || refused == flow || nowNs - refusedAtNs > KEPT_FOR_NS) return 1;
        double own = admitted(flow, nowNs);
        double others = admitted(refused, nowNs);
        return own <= others ? 1 : Math.max(PART_MIN, others / own);
    }

    private static double admitted(Flow flow, long nowNs) {
        return flow.recent().get(nowNs) / flow.account().terms().weight();
    }
}

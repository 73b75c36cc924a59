package io.sluice.benchmarks.traffic;

/// What the engine held, weighted by how long it did, within one window of time. One thread.
final class Occupancy {
    private final long fromNs;
    private final long toNs;
    private double blockPartNs; // the part of all blocks that was held, times its time
    private double runningNs;
    private double waitingNs;
    private long watchedNs;

    Occupancy(long fromNs, long toNs) {
        this.fromNs = fromNs;
        this.toNs = toNs;
    }

    /// The engine was in this state from `startNs` to `endNs`.
    void add(long startNs, long endNs, SimulatedEngine.State state) {
        long ns = Math.min(endNs, toNs) - Math.max(startNs, fromNs);
        if (ns <= 0) return;
        watchedNs += ns;
        blockPartNs += (double) ns * state.blocksUsed() / state.blockCount();
        runningNs += (double) ns * state.running();
        waitingNs += (double) ns * state.waiting();
    }

    Mean mean() {
        double ns = Math.max(1, watchedNs);
        return new Mean(blockPartNs / ns, runningNs / ns, waitingNs / ns);
    }

    /// Means over time. A value.
    ///
    /// @param kvPart of all KV blocks, held by running requests
    record Mean(double kvPart, double running, double waiting) {}
}

package io.sluice.batching;

/// By how much the waits of a class exceed what was predicted, learned from every request that starts: the
/// factor that three in four stay below. It stands for what the prediction cannot know, such as who will
/// come and go first. And how fast predicted waits come down. The first is written by the engine thread;
/// everything may be read by any thread.
final class ForecastBias {
    private static final double QUANTILE = 0.75;

    /// A request moves the factor by at most this part of it.
    private static final double STEP = 0.1;

    private static final double DECLINE_MIN = 1;
    private static final double FACTOR_MIN = 0.5;
    private static final double FACTOR_MAX = 16;

    private volatile double factor = 1;
    private volatile double decline = 1;

    /// A request that was predicted to wait `predictedNs` has waited `actualNs`. Who was to start at once
    /// teaches nothing: no factor makes a wait of nothing, and chance alone would make it grow.
    ///
    /// @param grainNs a step: what is shorter is chance
    void learn(long predictedNs, long actualNs, long grainNs) {
        if (predictedNs < grainNs) return;
        double actual = (double) actualNs + grainNs;
        double predicted = (double) predictedNs + grainNs;
        double before = factor;
        boolean waitedLonger = actual > predicted * before;
        double moved = before * (waitedLonger ? 1 + STEP * QUANTILE : 1 - STEP * (1 - QUANTILE));
        factor = Math.clamp(moved, FACTOR_MIN, FACTOR_MAX);
    }

    /// A predicted wait has come down by so much per time while a gate was closed. Any thread.
    synchronized void learnDecline(double perTime) {
        if (perTime == Gate.NOTHING_LEARNED) return;
        double moved = decline * (perTime > decline ? 1 + STEP / 2 : 1 - STEP / 2);
        decline = Math.clamp(moved, DECLINE_MIN, FACTOR_MAX);
    }

    /// How fast predicted waits come down per time while nobody joins them, at half of all closings.
    double decline() {
        return decline;
    }

    /// The wait that is to be expected if `predictedNs` is predicted.
    long correct(long predictedNs, long grainNs) {
        return (long) Math.max(0, ((double) predictedNs + grainNs) * factor - grainNs);
    }
}

package io.sluice.batching;

/// A traffic class of which a test says only what matters to it: without floor, target or patience.
final class ClassTerms {
    private final String name;
    private final int rank;
    private boolean guaranteed;
    private boolean parkable;
    private double reserveQuantile = 0.9;
    private double floor;
    private long agingNs = Long.MAX_VALUE;
    private long firstTokenTargetNs = Long.MAX_VALUE;
    private long tokenGapTargetNs = TrafficClass.NO_TARGET;
    private int waitingMax = TrafficClass.WAITING_LIMIT;

    private ClassTerms(String name, int rank) {
        this.name = name;
        this.rank = rank;
    }

    static ClassTerms named(String name, int rank) {
        return new ClassTerms(name, rank);
    }

    ClassTerms guaranteed() {
        guaranteed = true;
        return this;
    }

    ClassTerms parkable() {
        parkable = true;
        return this;
    }

    ClassTerms reserve(double quantile) {
        reserveQuantile = quantile;
        return this;
    }

    ClassTerms floor(double part) {
        floor = part;
        return this;
    }

    ClassTerms agingNs(long ns) {
        agingNs = ns;
        return this;
    }

    ClassTerms firstTokenTargetNs(long ns) {
        firstTokenTargetNs = ns;
        return this;
    }

    ClassTerms tokenGapTargetNs(long ns) {
        tokenGapTargetNs = ns;
        return this;
    }

    ClassTerms waitingMax(int count) {
        waitingMax = count;
        return this;
    }

    TrafficClass terms() {
        return new TrafficClass(
                name,
                rank,
                guaranteed,
                parkable,
                reserveQuantile,
                floor,
                agingNs,
                firstTokenTargetNs,
                tokenGapTargetNs,
                waitingMax);
    }
}

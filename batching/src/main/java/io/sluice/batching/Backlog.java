package io.sluice.batching;

import java.util.concurrent.atomic.AtomicLong;

/// The demand of admitted requests that have not started, added up. Any thread; several sums read together
/// may be of different moments.
final class Backlog {
    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong ns = new AtomicLong();
    private final AtomicLong weightedTokens = new AtomicLong();
    private final AtomicLong promptTokens = new AtomicLong();
    private final AtomicLong blocks = new AtomicLong();
    private final AtomicLong seats = new AtomicLong();

    void add(Demand demand) {
        change(demand, 1);
    }

    void remove(Demand demand) {
        change(demand, -1);
    }

    private void change(Demand demand, int sign) {
        requests.addAndGet(sign);
        ns.addAndGet(sign * demand.ns());
        weightedTokens.addAndGet(sign * demand.weightedTokens());
        promptTokens.addAndGet(sign * demand.promptTokens());
        blocks.addAndGet(sign * demand.blocks());
        seats.addAndGet((long) sign * demand.seats());
    }

    int requests() {
        return (int) requests.get();
    }

    /// The same for a divisor: another thread may just have taken the last one out.
    int requestsMin1() {
        return Math.max(1, requests());
    }

    long ns() {
        return ns.get();
    }

    long weightedTokens() {
        return weightedTokens.get();
    }

    long promptTokens() {
        return promptTokens.get();
    }

    long blocks() {
        return blocks.get();
    }

    long seats() {
        return seats.get();
    }
}

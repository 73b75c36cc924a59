package io.sluice.batching;

import java.util.concurrent.atomic.AtomicInteger;

/// One tenant's requests in one class: what fairness is between. Its virtual time is the cost of all that was
/// computed for it, divided by its weight; who has the least goes next (virtual token counters: Sheng et
/// al., OSDI 2024). Engine thread only, unless said otherwise.
final class Flow {

    /// What was admitted a minute ago still says who has had how much.
    private static final double RECENT_NS = 60e9;

    /// A refusal says for so long that the tenant wanted more than it got.
    private static final long REFUSED_FOR_NS = 10_000_000_000L;

    private final TenantAccount account;
    private final ClassQueue classQueue;
    private final SequenceList waiting = SequenceList.byArrival(); // not started, oldest first
    private final OutputLengths outputs = new OutputLengths();
    private volatile double virtualTime; // written by the engine
    private volatile long promptsAt = -1; // publication of its class's prompts with the latest of it; by the engine
    private int heapIndex = FlowHeap.NOT_IN_HEAP;

    // For admission; any thread.
    private final ArrivalRate arrivals;
    private final ArrivalRate recent;
    private final ArrivalRate starts;
    private final AtomicInteger openCount = new AtomicInteger(); // admitted requests that have not ended
    private final Backlog backlog = new Backlog(); // of those, the ones that have not started
    private volatile long refusedAtNs;
    private volatile boolean wasRefused;
    private final Gate gate;
    private final ReturnLine returns = new ReturnLine();

    Flow(TenantAccount account, ClassQueue classQueue, long nowNs) {
        arrivals = new ArrivalRate(nowNs);
        recent = new ArrivalRate(RECENT_NS, nowNs);
        starts = new ArrivalRate(nowNs);
        this.account = account;
        this.classQueue = classQueue;
        gate = new Gate(classQueue.patience());
    }

    /// Any thread.
    TenantAccount account() {
        return account;
    }

    /// Any thread.
    ClassQueue classQueue() {
        return classQueue;
    }

    SequenceList waiting() {
        return waiting;
    }

    /// May be read by any thread.
    OutputLengths outputs() {
        return outputs;
    }

    /// May be read by any thread.
    double virtualTime() {
        return virtualTime;
    }

    void setVirtualTime(double time) {
        virtualTime = time;
    }

    /// `cost` was computed for it.
    void charge(double cost) {
        double before = virtualTime;
        virtualTime = before + cost / account.terms().weight();
    }

    int heapIndex() {
        return heapIndex;
    }

    void setHeapIndex(int index) {
        heapIndex = index;
    }

    /// Counts an admitted request that has not ended. Any thread.
    int addOpen(int change) {
        return openCount.addAndGet(change);
    }

    boolean isOpen() {
        return openCount.get() > 0;
    }

    /// Counts an admitted request in that has not started. Any thread.
    void addWaiting(Demand demand, long nowNs) {
        arrivals.add(demand.ns(), nowNs);
        recent.add(demand.ns(), nowNs);
        classQueue.arrivals().add(demand.ns(), nowNs);
        backlog.add(demand);
        classQueue.backlog().add(demand);
        classQueue.addBacklogged(this);
    }

    /// The same, out.
    void removeWaiting(Demand demand) {
        backlog.remove(demand);
        classQueue.backlog().remove(demand);
    }

    /// A request of it was refused for its wait. Any thread.
    void noteRefused(long nowNs) {
        refusedAtNs = nowNs;
        wasRefused = true;
    }

    /// Prompts of it are being computed, with publication `number` of its class's.
    void notePrompts(long number) {
        promptsAt = number;
    }

    /// True if it wants more than it gets, although nothing of it may be waiting: prompts of it are being computed, or
    /// it was refused lately. Any thread.
    boolean isWanting(long nowNs) {
        // Read before the other: what is written meanwhile makes that one larger, and it stays enough.
        long latest = classQueue.prompts().latestNumber();
        return promptsAt >= latest || (wasRefused && nowNs - refusedAtNs < REFUSED_FOR_NS);
    }

    /// What is admitted of it. Requests' threads.
    ArrivalRate arrivals() {
        return arrivals;
    }

    /// The same, looked at for longer: what part of the engine it has had. Any thread.
    ArrivalRate recent() {
        return recent;
    }

    /// How many of its requests start per nanosecond. Written by the engine.
    ArrivalRate starts() {
        return starts;
    }

    /// What its requests that have not started will take. Any thread.
    Backlog backlog() {
        return backlog;
    }

    /// Its gate. Any thread.
    Gate gate() {
        return gate;
    }

    /// Who of its callers is expected to come back. Any thread.
    ReturnLine returns() {
        return returns;
    }

    @Override
    public String toString() {
        return account.name() + " in " + classQueue.name();
    }
}

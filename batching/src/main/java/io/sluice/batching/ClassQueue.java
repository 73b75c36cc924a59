package io.sluice.batching;

import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// One class's waiting sequences: those that have started before and lost their blocks, then those of its
/// flows. Engine thread only, unless said otherwise.
final class ClassQueue {

    /// Credit is kept for this many full steps, so that a class that had nothing to do for long is not owed
    /// all of it.
    private static final double CREDIT_STEPS = 0.25;

    /// A flow that was refused is owed at most what so many steps compute: a minute or less of any device.
    private static final double KEPT_STEPS = 512;

    private static final double PREFILL_GAIN = 0.1;

    private volatile TrafficClass terms;
    private final SequenceList returning = SequenceList.byArrival(); // preempted, parked, or a started one's siblings
    private final FlowHeap flows = new FlowHeap();
    private final OutputLengths outputs = new OutputLengths();
    private volatile double keptMax; // virtual time that a flow may be behind the others when it comes back
    private volatile int seatsToGive; // of its sequences that run and would give way to higher classes
    private volatile int blocksToGive; // what those are expected to hold
    private volatile double virtualNow; // the least virtual time of any flow that was served
    private final RunningPrompts prompts = new RunningPrompts();
    private double credit; // cost that the class's floor owes it
    private long latestStartNs;

    // For admission; any thread.
    private final ArrivalRate arrivals;
    private final ArrivalRate offered;
    private volatile double prefillNs; // of its requests lately, as was expected
    private final ForecastBias bias = new ForecastBias();
    private final Patience patience = new Patience();
    private final Deference deference = new Deference();
    private final Backlog backlog = new Backlog(); // admitted requests that have not started
    private final Set<Flow> backlogged =
            ConcurrentHashMap.newKeySet(); // flows that have such; changed by requests' threads

    ClassQueue(TrafficClass terms, long nowNs) {
        this.terms = terms;
        arrivals = new ArrivalRate(nowNs);
        offered = new ArrivalRate(nowNs);
        latestStartNs = nowNs;
    }

    /// Any thread.
    String name() {
        return terms.name();
    }

    /// Any thread.
    TrafficClass terms() {
        return terms;
    }

    /// The policy may have changed since the last request. Any thread.
    void setTerms(TrafficClass latest) {
        if (!latest.equals(terms)) terms = latest;
    }

    /// Adds a sequence that has not started, to its flow. A flow that wanted nothing gets no credit for that: its
    /// virtual time is lifted to that of the flows that did.
    void add(Sequence sequence) {
        if (isEmpty()) latestStartNs = Math.max(latestStartNs, sequence.arrivedNs());
        Flow flow = sequence.flow();
        flow.waiting().insert(sequence);
        if (flow.heapIndex() != FlowHeap.NOT_IN_HEAP) return;
        flow.setVirtualTime(Math.max(flow.virtualTime(), lift() - kept(flow, sequence.arrivedNs())));
        flows.add(flow);
    }

    /// How far a flow without backlog may stay behind the others: where few requests fit into the target, who is served
    /// least is refused between two requests, and what it is owed would be forgotten each time.
    private double kept(Flow flow, long nowNs) {
        return flow.isWanting(nowNs) ? keptMax / flow.account().terms().weight() : 0;
    }

    /// What the virtual time of a flow that wanted nothing is at least, when it gets something to wait for.
    double lift() {
        return flows.isEmpty() ? virtualNow : Math.max(virtualNow, flows.first().virtualTime());
    }

    /// Adds a sequence that goes before all flows, because its request has started already.
    void addReturning(Sequence sequence) {
        if (isEmpty()) latestStartNs = Math.max(latestStartNs, sequence.arrivedNs());
        returning.insert(sequence);
    }

    /// Takes a sequence out, because it starts or ends.
    void remove(Sequence sequence) {
        if (sequence.isReturning()) {
            returning.remove(sequence);
            return;
        }
        Flow flow = sequence.flow();
        flow.waiting().remove(sequence);
        if (flow.heapIndex() == FlowHeap.NOT_IN_HEAP) return;
        if (flow.waiting().isEmpty()) flows.remove(flow);
        else flows.demote(flow);
    }

    /// The sequence that goes next, or null if all that wait are set aside.
    @Nullable
    Sequence first(long nowNs) {
        if (isOverdue(nowNs)) {
            Sequence oldest = oldest();
            if (oldest != null) return oldest;
        }
        for (int i = 0; i < returning.size(); i++) {
            if (!returning.get(i).isSetAside()) return returning.get(i);
        }
        return flows.isEmpty() ? null : flows.first().waiting().first();
    }

    /// True if the class has started nothing for as long as its oldest may be passed over.
    boolean isOverdue(long nowNs) {
        return nowNs - latestStartNs >= terms.agingNs();
    }

    private @Nullable Sequence oldest() {
        Sequence oldest = null;
        for (int i = 0; i < returning.size() && oldest == null; i++) {
            if (!returning.get(i).isSetAside()) oldest = returning.get(i);
        }
        for (int i = 0; i < flows.size(); i++) {
            Sequence first = flows.get(i).waiting().first();
            if (oldest == null || first.order() < oldest.order()) oldest = first;
        }
        return oldest;
    }

    /// What its running sequences would leave to a class of a lower rank.
    void setToGive(int seats, int blocks) {
        seatsToGive = seats;
        blocksToGive = blocks;
    }

    /// Any thread.
    int seatsToGive() {
        return seatsToGive;
    }

    /// Any thread.
    int blocksToGive() {
        return blocksToGive;
    }

    /// A sequence was given blocks.
    void countStart(Sequence sequence, long nowNs) {
        latestStartNs = nowNs;
        virtualNow = Math.max(virtualNow, sequence.flow().virtualTime());
    }

    /// `cost` was computed for one of its sequences.
    void charge(Flow flow, double cost) {
        flow.charge(cost);
        if (flow.heapIndex() != FlowHeap.NOT_IN_HEAP) flows.demote(flow);
        credit -= cost;
    }

    /// Closes the account of a step whose cost over all classes was `stepCost`.
    ///
    /// @param wantsMore something of the class waits or has prompt tokens to compute
    void settleStep(double stepCost, boolean wantsMore, double stepCostMax) {
        credit += terms.floor() * stepCost;
        keptMax = KEPT_STEPS * stepCostMax;
        double bound = CREDIT_STEPS * stepCostMax;
        credit = Math.clamp(credit, -bound, wantsMore ? bound : 0);
    }

    /// Cost that the floor owes the class; nothing if it is not positive.
    double credit() {
        return credit;
    }

    FlowHeap flows() {
        return flows;
    }

    SequenceList returning() {
        return returning;
    }

    /// Of all its flows. May be read by any thread.
    OutputLengths outputs() {
        return outputs;
    }

    /// True if nothing of it waits; flows that are set aside count as nothing.
    boolean isEmpty() {
        return returning.isEmpty() && flows.isEmpty();
    }

    /// What its admitted requests that have not started will take. Any thread.
    Backlog backlog() {
        return backlog;
    }

    /// Its prompts that are being computed. May be read by any thread.
    RunningPrompts prompts() {
        return prompts;
    }

    /// How far its requests' predicted waits are off. May be read by any thread.
    ForecastBias bias() {
        return bias;
    }

    /// How long its callers are told to stay away at most. Any thread.
    Patience patience() {
        return patience;
    }

    /// Which of its flows leave places to others. Any thread.
    Deference deference() {
        return deference;
    }

    /// What is admitted of it. Requests' threads.
    ArrivalRate arrivals() {
        return arrivals;
    }

    /// A request has come that would take `ns`, of which its prompt `promptNs`, whether it is taken or not. Requests'
    /// threads.
    void countOffered(long ns, long promptNs, long nowNs) {
        offered.add(ns, nowNs);
        double before = prefillNs;
        prefillNs = before == 0 ? promptNs : before + PREFILL_GAIN * (promptNs - before);
    }

    /// What clients ask for. Any thread.
    ArrivalRate offered() {
        return offered;
    }

    /// How long its requests' prompts take once they have started. Any thread.
    long prefillNs() {
        return (long) prefillNs;
    }

    /// Notes that a flow has admitted requests which have not started. Requests' threads.
    void addBacklogged(Flow flow) {
        backlogged.add(flow);
    }

    /// Adds what of the class's waiting work goes before a new request of `flow`: its own, and of each other
    /// flow as much as its virtual time is behind. Requests' threads; an estimate, because all of it moves.
    void addAhead(Flow flow, WaitForecast.Ahead ahead, long nowNs) {
        double start = turnOf(flow, nowNs);
        ahead.add(flow.backlog(), 1);
        for (Flow other : backlogged) {
            double itsTokens = other.backlog().weightedTokens();
            if (other == flow || itsTokens <= 0) continue;
            double behind = start - Math.max(other.virtualTime(), virtualNow - kept(other, nowNs));
            // At equal virtual times who waits already goes first, with one request.
            double first = behind * other.account().terms().weight()
                    + itsTokens / other.backlog().requestsMin1();
            ahead.add(other.backlog(), behind < 0 ? 0 : Math.min(1, first / itsTokens));
            ahead.addRival(other.account().terms().weight());
        }
    }

    /// Prompt tokens of the class's running sequences that are computed before those of a new request of `flow`.
    /// Requests' threads; an estimate.
    long promptTokensBefore(Flow flow, long itsTokens, long nowNs) {
        return prompts.tokensBefore(flow, turnOf(flow, nowNs), itsTokens);
    }

    /// The virtual time at which a new request of the flow has its turn.
    private double turnOf(Flow flow, long nowNs) {
        return Math.max(flow.virtualTime(), leastVirtualTime() - kept(flow, nowNs))
                + flow.backlog().weightedTokens() / flow.account().terms().weight();
    }

    /// The virtual time that a flow without backlog is lifted to. Forgets flows that have none on the way.
    private double leastVirtualTime() {
        double least = Double.MAX_VALUE;
        for (Iterator<Flow> flowsInTurn = backlogged.iterator(); flowsInTurn.hasNext(); ) {
            Flow other = flowsInTurn.next();
            if (other.backlog().requests() > 0) {
                least = Math.min(least, other.virtualTime());
                continue;
            }
            flowsInTurn.remove();
            if (other.backlog().requests() > 0) addBacklogged(other); // it got work in between
        }
        return least == Double.MAX_VALUE ? virtualNow : Math.max(virtualNow, least);
    }
}

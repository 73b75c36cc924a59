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
    private static final int CREDIT_STEPS = 8;

    private volatile TrafficClass terms;
    private final SequenceList returning = SequenceList.byArrival(); // preempted, parked, or a started one's siblings
    private final FlowHeap flows = new FlowHeap();
    private final OutputLengths outputs = new OutputLengths();
    private final DrainRate drain = new DrainRate();
    private volatile double virtualNow; // the least virtual time of any flow that was served
    private double credit; // cost that the class's floor owes it
    private long latestStartNs;

    // For admission; any thread.
    private final Backlog backlog = new Backlog(); // admitted requests that have not started
    private final Set<Flow> backlogged =
            ConcurrentHashMap.newKeySet(); // flows that have such; changed by requests' threads

    ClassQueue(TrafficClass terms, long nowNs) {
        this.terms = terms;
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

    /// Adds a sequence that has not started, to its flow. A flow that had nothing waiting gets no credit for
    /// that: its virtual time is lifted to that of the flows that had.
    void add(Sequence sequence) {
        if (isEmpty()) latestStartNs = Math.max(latestStartNs, sequence.arrivedNs());
        Flow flow = sequence.flow();
        flow.waiting().insert(sequence);
        if (flow.heapIndex() != FlowHeap.NOT_IN_HEAP) return;
        flow.setVirtualTime(Math.max(flow.virtualTime(), lift()));
        flows.add(flow);
    }

    /// What the virtual time of a flow is at least, when it gets something to wait for.
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
        if (flow.waiting().isEmpty() && flow.heapIndex() != FlowHeap.NOT_IN_HEAP) flows.remove(flow);
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

    /// How fast its waiting requests start. May be read by any thread.
    DrainRate drain() {
        return drain;
    }

    /// True if nothing of it waits; flows that are set aside count as nothing.
    boolean isEmpty() {
        return returning.isEmpty() && flows.isEmpty();
    }

    /// What its admitted requests that have not started will take. Any thread.
    Backlog backlog() {
        return backlog;
    }

    /// Notes that a flow has admitted requests which have not started. Requests' threads.
    void addBacklogged(Flow flow) {
        backlogged.add(flow);
    }

    /// Adds what of the class's waiting work goes before a new request of `flow`: its own, and of each other
    /// flow as much
    /// as its virtual time is behind. Requests' threads; an estimate, because all of it moves.
    void addAhead(Flow flow, WaitForecast.Ahead ahead) {
        double start = Math.max(flow.virtualTime(), virtualNow)
                + flow.backlog().weightedTokens() / flow.account().terms().weight();
        ahead.add(flow.backlog(), 1);
        for (Iterator<Flow> flowsInTurn = backlogged.iterator(); flowsInTurn.hasNext(); ) {
            Flow other = flowsInTurn.next();
            double itsTokens = other.backlog().weightedTokens();
            if (itsTokens <= 0) {
                flowsInTurn.remove();
                if (other.backlog().requests() > 0) addBacklogged(other); // it got work in between
            } else if (other != flow) {
                double behind = start - Math.max(other.virtualTime(), virtualNow);
                double first = behind * other.account().terms().weight();
                ahead.add(other.backlog(), Math.clamp(first / itsTokens, 0, 1));
            }
        }
    }
}

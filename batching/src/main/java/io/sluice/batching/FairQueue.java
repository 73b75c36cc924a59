package io.sluice.batching;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Decides whose turn it is: among classes by rank, unless a floor or a long wait says otherwise; within a
/// class by virtual time, so that each tenant gets its weighted part of what is computed. Nobody's part is
/// kept for who does not use it. Hot path: no allocation once it has grown. Engine thread only.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class FairQueue {

    /// What a token costs: an output token is a whole pass over the weights for few, a prompt token a small
    /// part of one for many. The ratio that virtual token counters were introduced with, and that API prices
    /// are near.
    static final double PROMPT_COST = 1;

    static final double OUTPUT_COST = 2;

    private final List<ClassQueue> classes = new ArrayList<>(); // that ever had something waiting
    private final List<Flow> asideFlows = new ArrayList<>();
    private final List<Sequence> asideSequences = new ArrayList<>();
    private double stepCost;

    /// A sequence that has not started waits.
    void add(Sequence sequence) {
        know(sequence.flow().classQueue()).add(sequence);
    }

    /// A sequence whose request has started waits for blocks.
    void addReturning(Sequence sequence) {
        sequence.setReturning(true);
        know(sequence.flow().classQueue()).addReturning(sequence);
    }

    /// Adds the request's choices that are not yet here, up to a number of them.
    void add(Submission submission, int upTo) {
        for (int choice = submission.queuedChoices(); choice < upTo; choice++) {
            submission.setQueuedChoices(choice + 1);
            Sequence sequence = submission.sequence(choice);
            if (sequence.status() == Sequence.Status.ENDED) continue;
            if (submission.hasStarted()) addReturning(sequence);
            else add(sequence);
        }
    }

    private ClassQueue know(ClassQueue queue) {
        if (!classes.contains(queue)) classes.add(queue);
        return queue;
    }

    /// Takes a sequence out, because it starts or ends.
    void remove(Sequence sequence) {
        sequence.flow().classQueue().remove(sequence);
        sequence.setReturning(false);
    }

    /// The sequence that goes next, or null.
    @Nullable
    Sequence first(long nowNs) {
        ClassQueue first = null;
        Sequence next = null;
        for (int i = 0; i < classes.size(); i++) {
            ClassQueue queue = classes.get(i);
            Sequence candidate = queue.first(nowNs);
            if (candidate == null || (first != null && !goesBefore(queue, first, nowNs))) continue;
            first = queue;
            next = candidate;
        }
        return next;
    }

    /// Who has waited too long goes first; then whom a floor owes most; then the lower rank.
    boolean goesBefore(ClassQueue one, ClassQueue other, long nowNs) {
        boolean oneOverdue = one.isOverdue(nowNs);
        if (oneOverdue != other.isOverdue(nowNs)) return oneOverdue;
        double oneOwed = Math.max(0, one.credit());
        double otherOwed = Math.max(0, other.credit());
        if (oneOwed != otherOwed) return oneOwed > otherOwed;
        return one.terms().rank() < other.terms().rank();
    }

    /// True if a sequence's class goes first only because its floor owes it, not by rank and not because it
    /// has waited too long: then others may take the memory that it waits for.
    boolean isFavoured(Sequence sequence, long nowNs) {
        ClassQueue queue = sequence.flow().classQueue();
        if (queue.credit() <= 0 || queue.isOverdue(nowNs)) return false;
        for (int i = 0; i < classes.size(); i++) {
            ClassQueue other = classes.get(i);
            if (!other.isEmpty() && other.terms().rank() < queue.terms().rank()) return true;
        }
        return false;
    }

    /// Passes over a sequence until `restore`, and if it has not started over its whole flow: its tenant's
    /// part of the cache is used up.
    void setAside(Sequence sequence) {
        if (sequence.isReturning()) {
            sequence.setAside(true);
            asideSequences.add(sequence);
            return;
        }
        Flow flow = sequence.flow();
        flow.classQueue().flows().remove(flow);
        asideFlows.add(flow);
    }

    /// Everything that was set aside is looked at again.
    void restore() {
        for (int i = 0; i < asideSequences.size(); i++) asideSequences.get(i).setAside(false);
        asideSequences.clear();
        for (int i = 0; i < asideFlows.size(); i++) {
            Flow flow = asideFlows.get(i);
            flow.classQueue().flows().add(flow);
        }
        asideFlows.clear();
    }

    /// Tokens were computed for a sequence for the first time.
    void charge(Sequence sequence, int promptTokens, int outputTokens) {
        double cost = promptTokens * PROMPT_COST + outputTokens * OUTPUT_COST;
        sequence.flow().classQueue().charge(sequence.flow(), cost);
        stepCost += cost;
    }

    /// Closes the accounts of a step.
    ///
    /// @param running what runs after it
    void settleStep(SequenceList running, double stepCostMax) {
        for (int i = 0; i < classes.size(); i++) {
            ClassQueue queue = classes.get(i);
            queue.settleStep(stepCost, !queue.isEmpty() || hasPromptLeft(running, queue), stepCostMax);
        }
        stepCost = 0;
    }

    private static boolean hasPromptLeft(SequenceList running, ClassQueue queue) {
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.flow().classQueue() == queue && sequence.uncomputed() > 1) return true;
        }
        return false;
    }

    List<ClassQueue> classes() {
        return classes;
    }
}

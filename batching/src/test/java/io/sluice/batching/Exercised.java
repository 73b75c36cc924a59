package io.sluice.batching;

import java.util.EnumMap;
import java.util.Map;

/// How often simulations met what they are for.
final class Exercised {
    private final Map<FinishReason, Long> endings = new EnumMap<>(FinishReason.class);
    long runs;
    long steps;
    long choices;
    long constrained; // choices
    long preemptions;
    long parks;
    long pauses;
    long forks;
    long cachedTokens;
    long stepFailures;
    long refusals;
    long engineEnds;
    long followUps; // steps that followed one under way
    long discarded; // of their tokens
    long proposed; // tokens
    long accepted; // of those
    long proposedUnderConstraint; // slices

    void countEnding(FinishReason reason) {
        endings.merge(reason, 1L, Long::sum);
    }

    void count(Scheduler scheduler, ShadowRunner shadow, int choiceCount) {
        runs++;
        steps += shadow.steps();
        choices += choiceCount;
        preemptions += scheduler.counts().preemptions();
        parks += scheduler.counts().parks();
        pauses += scheduler.counts().pauses();
        stepFailures += shadow.failures();
        forks += scheduler.counts().forks();
        cachedTokens += scheduler.counts().cachedTokens();
        followUps += scheduler.counts().followUps();
        discarded += scheduler.counts().discarded();
        proposed += shadow.proposed();
        accepted += shadow.accepted();
        proposedUnderConstraint += shadow.proposedUnderConstraint();
    }

    void add(Exercised other) {
        other.endings.forEach((reason, count) -> endings.merge(reason, count, Long::sum));
        runs += other.runs;
        steps += other.steps;
        choices += other.choices;
        constrained += other.constrained;
        preemptions += other.preemptions;
        parks += other.parks;
        pauses += other.pauses;
        forks += other.forks;
        cachedTokens += other.cachedTokens;
        stepFailures += other.stepFailures;
        refusals += other.refusals;
        engineEnds += other.engineEnds;
        followUps += other.followUps;
        discarded += other.discarded;
        proposed += other.proposed;
        accepted += other.accepted;
        proposedUnderConstraint += other.proposedUnderConstraint;
    }

    long endings(FinishReason reason) {
        return endings.getOrDefault(reason, 0L);
    }

    long endings() {
        return endings.values().stream().mapToLong(Long::longValue).sum();
    }

    @Override
    public String toString() {
        return ("%d runs: %d steps, %d choices (%d constrained), %d preemptions, %d parks, %d pauses, %d forks, %d cached prompt tokens, %d step failures,"
                        + " %d refusals, %d engine ends, %d steps that followed one under way, %d tokens discarded, %d tokens proposed (%d accepted), %d times under a constraint, endings %s")
                .formatted(
                        runs,
                        steps,
                        choices,
                        constrained,
                        preemptions,
                        parks,
                        pauses,
                        forks,
                        cachedTokens,
                        stepFailures,
                        refusals,
                        engineEnds,
                        followUps,
                        discarded,
                        proposed,
                        accepted,
                        proposedUnderConstraint,
                        endings);
    }
}

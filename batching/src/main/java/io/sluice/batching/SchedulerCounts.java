package io.sluice.batching;

/// What the scheduler has done so far, in numbers. Engine thread only.
final class SchedulerCounts {
    private long steps;
    private int stepTokens;
    private long computedTokens;
    private long promptTokens;
    private long cachedTokens;
    private long sampledTokens;
    private long preemptions;
    private long guaranteedPreemptions;
    private long parks;
    private long pauses;
    private long forks;
    private long failedSlices;
    private long followUps;
    private long discarded;
    private long deviceNs;
    private long unattributedNs;
    private long blockNs;

    void countStart(Sequence sequence, boolean forked) {
        promptTokens += sequence.promptLength();
        cachedTokens += sequence.cachedTokens();
        if (forked) forks++;
    }

    void countStep(StepPlan plan) {
        steps++;
        stepTokens = plan.tokenCount();
        computedTokens += stepTokens;
    }

    void countSampled() {
        sampledTokens++;
    }

    void countPreemption(Sequence sequence, boolean parked) {
        if (parked) parks++;
        else preemptions++;
        if (sequence.isGuaranteed()) guaranteedPreemptions++;
    }

    void countPause() {
        pauses++;
    }

    void countFailure() {
        failedSlices++;
    }

    void countFollowUp() {
        followUps++;
    }

    void countDiscarded() {
        discarded++;
    }

    /// `ns` of a step were charged to requests.
    void countDevice(long ns) {
        deviceNs += ns;
    }

    /// `ns` of a step were for nobody who is left.
    void countUnattributed(long ns) {
        unattributedNs += ns;
    }

    /// Blocks in use, times how long.
    void countHeld(long ns) {
        blockNs += ns;
    }

    /// Steps that were planned while the one before was under way.
    long followUps() {
        return followUps;
    }

    /// Tokens of those that came after their sequence had ended: computed for nothing, and nobody's.
    long discarded() {
        return discarded;
    }

    long steps() {
        return steps;
    }

    int stepTokens() {
        return stepTokens;
    }

    /// Choices that started on a sibling's blocks.
    long forks() {
        return forks;
    }

    long preemptions() {
        return preemptions;
    }

    /// Of all preemptions and parks, those of guaranteed sequences: none, if all is well.
    long guaranteedPreemptions() {
        return guaranteedPreemptions;
    }

    long parks() {
        return parks;
    }

    long pauses() {
        return pauses;
    }

    long cachedTokens() {
        return cachedTokens;
    }

    EngineStats.Work work() {
        return new EngineStats.Work(
                steps,
                computedTokens,
                promptTokens,
                cachedTokens,
                sampledTokens,
                preemptions,
                guaranteedPreemptions,
                parks,
                pauses,
                failedSlices,
                deviceNs,
                unattributedNs,
                blockNs);
    }
}

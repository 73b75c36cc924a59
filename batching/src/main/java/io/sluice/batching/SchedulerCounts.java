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
    private long forks;

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

    void countPreemption() {
        preemptions++;
    }

    /// Choices that started on a sibling's blocks.
    long forks() {
        return forks;
    }

    long preemptions() {
        return preemptions;
    }

    long cachedTokens() {
        return cachedTokens;
    }

    EngineStats snapshot(int running, int waiting, BlockAllocator blocks, long stepNs, long nowNs) {
        return new EngineStats(
                running,
                waiting,
                blocks.freeCount(),
                blocks.blockCount() - blocks.freeCount(),
                blocks.cachedCount(),
                steps,
                stepTokens,
                computedTokens,
                promptTokens,
                cachedTokens,
                sampledTokens,
                preemptions,
                stepNs,
                nowNs);
    }
}

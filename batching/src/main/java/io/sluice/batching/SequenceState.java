package io.sluice.batching;

/// One admitted choice as the engine sees it between two steps. A value.
///
/// @param requestId the engine request's name; a client's request of several prompts is several of them
/// @param promptTokens tokens of its prompt
/// @param computedTokens tokens in the KV cache, or in host memory while it is parked
/// @param sampledTokens output tokens so far
/// @param outputTokensMax the most it may have
/// @param blocks KV blocks it refers to, shared ones included
/// @param hostBlocks host blocks that it holds while it is parked
/// @param reservedTokens prompt and output that blocks are reserved for while it runs; 0 while it waits
/// @param sinceArrivalNs since its request was admitted
public record SequenceState(
        String requestId,
        int choice,
        String tenant,
        String trafficClass,
        Phase phase,
        int promptTokens,
        int computedTokens,
        int sampledTokens,
        int outputTokensMax,
        int blocks,
        int hostBlocks,
        int reservedTokens,
        long sinceArrivalNs) {

    /// Where it stands.
    public enum Phase {
        /// Gets a token in every step.
        RUNNING,
        /// Owns blocks and stands still until its reader has caught up.
        PAUSED,
        /// Its computed tokens are in host memory.
        PARKED,
        /// Has started, lost its blocks, and will be computed again.
        PREEMPTED,
        /// Has not started.
        WAITING
    }

    static SequenceState of(Sequence sequence, long nowNs) {
        GenerationRequest request = sequence.request();
        return new SequenceState(
                request.id(),
                sequence.choice(),
                request.caller().tenant().name(),
                request.caller().trafficClass().name(),
                phase(sequence),
                sequence.promptLength(),
                sequence.computed(),
                sequence.sampled(),
                request.maxNewTokens(),
                sequence.table().count(),
                sequence.hostTable().count(),
                sequence.status() == Sequence.Status.RUNNING ? sequence.reservedTokens() : 0,
                nowNs - sequence.arrivedNs());
    }

    private static Phase phase(Sequence sequence) {
        return switch (sequence.status()) {
            case RUNNING -> sequence.isPaused() ? Phase.PAUSED : Phase.RUNNING;
            case PARKED -> Phase.PARKED;
            case WAITING, ENDED -> sequence.hasStarted() ? Phase.PREEMPTED : Phase.WAITING;
        };
    }
}

package io.sluice.batching;

/// What the engine was doing after its latest step. An immutable snapshot; any thread.
///
/// @param running sequences that own blocks
/// @param waiting admitted sequences that own none yet
/// @param blocksFree blocks that hold nothing live (they may hold reusable prefixes)
/// @param blocksUsed blocks referenced by running sequences
/// @param blocksCached free blocks that hold a reusable prefix
/// @param steps steps computed so far
/// @param stepTokens tokens in the latest step
/// @param computedTokens tokens computed so far, recomputation included
/// @param promptTokens prompt tokens of the sequences that started so far
/// @param cachedTokens of those, taken from the prefix cache
/// @param sampledTokens output tokens so far
/// @param preemptions sequences that lost their blocks and were computed again
/// @param stepNs duration of the latest step, plan to apply
/// @param latestStepEndNs engine-clock moment at which the latest step ended
public record EngineStats(
        int running,
        int waiting,
        int blocksFree,
        int blocksUsed,
        int blocksCached,
        long steps,
        int stepTokens,
        long computedTokens,
        long promptTokens,
        long cachedTokens,
        long sampledTokens,
        long preemptions,
        long stepNs,
        long latestStepEndNs) {}

package io.sluice.batching;

/// What a runner can hold and compute. A value.
///
/// @param blockCount KV blocks on the device
/// @param blockSize token positions per block; a power of two
/// @param contextMax the most tokens of one sequence, prompt and output together
/// @param stepTokensMax the most tokens of one step, over all sequences
/// @param sequencesMax the most sequences of one step
/// @param vocabSize token ids are in `[0, vocabSize)`
/// @param hostBlockCount blocks in host memory, for sequences that are parked; 0 if the runner cannot park
public record ModelLimits(
        int blockCount,
        int blockSize,
        int contextMax,
        int stepTokensMax,
        int sequencesMax,
        int vocabSize,
        int hostBlockCount) {

    public ModelLimits {
        if (blockCount < 1) throw new IllegalArgumentException("blockCount " + blockCount);
        if (Integer.bitCount(blockSize) != 1) throw new IllegalArgumentException("blockSize " + blockSize);
        if (contextMax < 1) throw new IllegalArgumentException("contextMax " + contextMax);
        if (sequencesMax < 1) throw new IllegalArgumentException("sequencesMax " + sequencesMax);
        if (hostBlockCount < 0) throw new IllegalArgumentException("hostBlockCount " + hostBlockCount);
        // Each running sequence needs room for at least its next token.
        if (stepTokensMax < sequencesMax) {
            throw new IllegalArgumentException("stepTokensMax " + stepTokensMax + " < sequencesMax " + sequencesMax);
        }
    }

    /// Blocks that hold `tokenCount` positions.
    public int blocksFor(long tokenCount) {
        return Math.toIntExact(Math.ceilDiv(tokenCount, (long) blockSize));
    }

    /// Blocks of the longest sequence: the width of a row in `StepPlan`'s block tables.
    public int sequenceBlocksMax() {
        return blocksFor(contextMax);
    }

    /// Tokens that fit the whole KV cache.
    public long cacheTokens() {
        return (long) blockCount * blockSize;
    }
}

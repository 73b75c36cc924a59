package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// What one step computes: slices of sequences, each with its tokens, block table and sampling. Hot path:
/// reused, no allocation; written by the scheduler, then frozen until its result was awaited. Engine thread
/// only.
///
/// A slice is a run of consecutive tokens of one sequence, `[firstPosition, firstPosition + length)`. Keys
/// and values of positions before it are in the sequence's blocks; the step writes those of its own
/// positions. There is no prefill and no decode: a slice of many tokens and a slice of one are the same
/// thing. A slice that `samples` has the sequence's last token and asks for the token after it.
///
/// Such a slice may go on with *proposed* tokens, which the sequence does not have: guesses of what will be
/// sampled. Then it samples after each of them too, as long as each guess was right: sample 0 is the one
/// after the sequence's last token, sample `i` the one after its proposed token `i - 1`, and it is wanted
/// only if sample `i - 1` is that token. Keys and values of guesses that were wrong are written, and nobody
/// reads them.
///
/// Before its slices are computed, a step copies whole blocks between the device and host memory: first
/// those out, then those in, so that a block given up by one sequence can be filled for another in the same
/// step.
///
/// Everything is copied in; the plan shares no array with live state.
public final class StepPlan {
    /// What stands for no token.
    public static final int NO_TOKEN = -1;

    private final ModelLimits limits;
    private int sliceCount;
    private int tokenCount;
    private final int[] tokens; // [token], slices back to back
    private final int[] tokenStart; // [slice + 1], offsets into tokens
    private final int[] firstPosition; // [slice]
    private final int[] blockTable; // [slice, sequenceBlocksMax]
    private final int[] blockCount; // [slice]
    private final int[] feedingSlice; // [slice] of the plan before, whose token is this slice's only one; -1: none
    private final boolean[] samples; // [slice]
    private final int[] proposedCount; // [slice] of its tokens, the last ones
    private int proposedTokens; // of all slices
    private final SamplingParams[] sampling; // [slice]
    private final int[] promptLength; // [slice]
    private final int[][] endTokens; // [slice]
    private final int[][] history; // [slice][>= historyLength], only if the slice samples and its sampling uses history
    private final int[] historyLength; // [slice] without proposed tokens, which follow
    private final boolean[] constrained; // [slice]
    private final int maskWords;
    private final long[][] mask; // [slice][sample, vocab / 64], only if the slice was ever constrained
    private long[] scratch = NO_MASK; // [vocab / 64]
    private final @Nullable PromptReport[] report; // [slice], only if its prompt is reported on
    private final int[] following; // [slice] the prompt's token after the slice
    private final int[] copiesOut; // [copy, 2]: device block, host block
    private int copiesOutCount;
    private final int[] copiesIn; // [copy, 2]: host block, device block
    private int copiesInCount;

    public StepPlan(ModelLimits limits) {
        this.limits = limits;
        int slices = limits.sequencesMax();
        tokens = new int[limits.stepTokensMax()];
        tokenStart = new int[slices + 1];
        firstPosition = new int[slices];
        blockTable = new int[slices * limits.sequenceBlocksMax()];
        blockCount = new int[slices];
        feedingSlice = new int[slices];
        samples = new boolean[slices];
        proposedCount = new int[slices];
        sampling = new SamplingParams[slices];
        Arrays.fill(sampling, SamplingParams.GREEDY);
        promptLength = new int[slices];
        endTokens = new int[slices][];
        Arrays.fill(endTokens, NO_TOKENS);
        history = new int[slices][];
        Arrays.fill(history, NO_TOKENS);
        historyLength = new int[slices];
        constrained = new boolean[slices];
        maskWords = (limits.vocabSize() + 63) >>> 6;
        mask = new long[slices][];
        Arrays.fill(mask, NO_MASK);
        report = new PromptReport[slices];
        following = new int[slices];
        copiesOut = new int[2 * limits.hostBlockCount()]; // a block that several sequences share is copied for each
        copiesIn = new int[2 * Math.min(limits.blockCount(), limits.hostBlockCount())];
    }

    private static final int[] NO_TOKENS = {};
    private static final int[] UNKNOWN = {0};
    private static final long[] NO_MASK = {};

    /// Forgets all slices and copies.
    public void clear() {
        forgetReports();
        sliceCount = 0;
        tokenCount = 0;
        proposedTokens = 0;
        copiesOutCount = 0;
        copiesInCount = 0;
    }

    /// Lets go of what was to be found out: it may be large, and the plan may not be used again for long.
    void forgetReports() {
        Arrays.fill(report, 0, sliceCount, null);
    }

    /// Copies a device block to a host block, before anything else is done to it.
    public void copyOut(int block, int hostBlock) {
        copiesOut[2 * copiesOutCount] = block;
        copiesOut[2 * copiesOutCount + 1] = hostBlock;
        copiesOutCount++;
    }

    /// Copies a host block to a device block, after all copies out.
    public void copyIn(int hostBlock, int block) {
        copiesIn[2 * copiesInCount] = hostBlock;
        copiesIn[2 * copiesInCount + 1] = block;
        copiesInCount++;
    }

    public int copiesOutCount() {
        return copiesOutCount;
    }

    /// The device block that copy `index` out reads.
    public int copyOutBlock(int index) {
        return copiesOut[2 * index];
    }

    /// The host block that copy `index` out writes.
    public int copyOutHostBlock(int index) {
        return copiesOut[2 * index + 1];
    }

    public int copiesInCount() {
        return copiesInCount;
    }

    /// The host block that copy `index` in reads.
    public int copyInHostBlock(int index) {
        return copiesIn[2 * index];
    }

    /// The device block that copy `index` in writes.
    public int copyInBlock(int index) {
        return copiesIn[2 * index + 1];
    }

    /// Appends a slice: `length` tokens of `sequenceTokens` from `position` on, whose sequence's blocks are
    /// `blocks[0, blocksUsed)`. If it samples, `position + length` is the number of the sequence's tokens.
    ///
    /// @param sequenceTokens all tokens of the sequence so far, prompt then output; copied as far as needed
    /// @return the slice's index
    public int add(int[] sequenceTokens, int position, int length, int[] blocks, int blocksUsed) {
        return add(sequenceTokens, position, length, blocks, 0, blocksUsed);
    }

    /// The same where the slice's row of the block table holds the first `blocksKnown` blocks from an earlier use
    /// of this plan.
    int add(int[] sequenceTokens, int position, int length, int[] blocks, int blocksKnown, int blocksUsed) {
        int slice = sliceCount++;
        System.arraycopy(sequenceTokens, position, tokens, tokenCount, length);
        tokenStart[slice] = tokenCount;
        tokenCount += length;
        tokenStart[sliceCount] = tokenCount;
        firstPosition[slice] = position;
        int row = slice * limits.sequenceBlocksMax();
        System.arraycopy(blocks, blocksKnown, blockTable, row + blocksKnown, blocksUsed - blocksKnown);
        blockCount[slice] = blocksUsed;
        feedingSlice[slice] = -1;
        samples[slice] = false;
        proposedCount[slice] = 0;
        constrained[slice] = false;
        historyLength[slice] = 0;
        report[slice] = null;
        following[slice] = NO_TOKEN;
        return slice;
    }

    /// Appends a slice of one token, which nobody knows yet: the step before this one samples it, for its
    /// slice `feeding`.
    ///
    /// @return the slice's index
    public int addFed(int feeding, int position, int[] blocks, int blocksUsed) {
        return addFed(feeding, position, blocks, 0, blocksUsed);
    }

    /// The same where the slice's row of the block table holds the first `blocksKnown` blocks already.
    int addFed(int feeding, int position, int[] blocks, int blocksKnown, int blocksUsed) {
        int slice = add(UNKNOWN, 0, 1, blocks, blocksKnown, blocksUsed);
        firstPosition[slice] = position;
        feedingSlice[slice] = feeding;
        return slice;
    }

    /// Makes the last added slice, which is all of a prompt, report on it.
    void report(PromptReport prompt, int[] sequenceTokens) {
        int slice = sliceCount - 1;
        int end = firstPosition[slice] + length(slice);
        report[slice] = prompt;
        following[slice] = end < prompt.promptLength() ? sequenceTokens[end] : NO_TOKEN;
    }

    /// Makes the last added slice, which ends at its sequence's last token and does not sample yet, go on with
    /// guesses. Its blocks cover them.
    void propose(int[] proposed, int count) {
        int slice = sliceCount - 1;
        System.arraycopy(proposed, 0, tokens, tokenCount, count);
        tokenCount += count;
        proposedTokens += count;
        tokenStart[sliceCount] = tokenCount;
        proposedCount[slice] = count;
    }

    /// Makes the last added slice sample the token after the sequence's last, and after each that is proposed.
    public void sample(SamplingParams params, int[] sequenceTokens, int promptTokenCount, int[] requestEndTokens) {
        int slice = sliceCount - 1;
        samples[slice] = true;
        sampling[slice] = params;
        promptLength[slice] = promptTokenCount;
        endTokens[slice] = requestEndTokens;
        if (params.usesHistory()) {
            int length = samplePosition(slice, 0);
            int proposed = proposedCount[slice];
            if (history[slice].length < length + proposed) history[slice] = new int[limits.contextMax()];
            System.arraycopy(sequenceTokens, 0, history[slice], 0, length);
            System.arraycopy(tokens, tokenStart[sliceCount] - proposed, history[slice], length, proposed);
            historyLength[slice] = length;
        }
    }

    /// Lets the first sample of the last added slice take only tokens with which its sequence's constraint goes
    /// on, and end tokens only where it is complete.
    public void constrain(TokenConstraint.Progress progress) {
        constrain(progress, 0);
    }

    /// The same for sample `index`, before which the constraint is where `progress` says.
    void constrain(TokenConstraint.Progress progress, int index) {
        int slice = sliceCount - 1;
        constrained[slice] = true;
        progress.fill(scratchMask());
        int beyond = limits.vocabSize() & 63; // bits after the last token stand for nothing
        if (beyond != 0) scratch[maskWords - 1] &= (1L << beyond) - 1;
        boolean mayEnd = progress.isComplete();
        for (int token : endTokens[slice]) {
            if (token >= limits.vocabSize()) continue;
            if (mayEnd) scratch[token >> 6] |= 1L << token;
            else scratch[token >> 6] &= ~(1L << token);
        }
        System.arraycopy(scratch, 0, maskOf(slice), index * maskWords, maskWords);
    }

    private long[] scratchMask() {
        if (scratch.length == 0) scratch = new long[maskWords];
        return scratch;
    }

    /// With room for all of the slice's samples.
    private long[] maskOf(int slice) {
        int needed = (1 + proposedCount[slice]) * maskWords;
        if (mask[slice].length < needed) mask[slice] = Arrays.copyOf(mask[slice], needed);
        return mask[slice];
    }

    /// Appends slice `slice` of another plan of the same limits.
    void addFrom(StepPlan other, int slice) {
        int mine = sliceCount++;
        int length = other.length(slice);
        System.arraycopy(other.tokens, other.tokenStart[slice], tokens, tokenCount, length);
        tokenStart[mine] = tokenCount;
        tokenCount += length;
        tokenStart[sliceCount] = tokenCount;
        firstPosition[mine] = other.firstPosition[slice];
        int width = limits.sequenceBlocksMax();
        System.arraycopy(other.blockTable, slice * width, blockTable, mine * width, other.blockCount[slice]);
        blockCount[mine] = other.blockCount[slice];
        feedingSlice[mine] = other.feedingSlice[slice];
        samples[mine] = other.samples[slice];
        proposedCount[mine] = other.proposedCount[slice];
        proposedTokens += proposedCount[mine];
        sampling[mine] = other.sampling[slice];
        promptLength[mine] = other.promptLength[slice];
        endTokens[mine] = other.endTokens[slice];
        constrained[mine] = other.constrained[slice];
        int masked = (1 + proposedCount[mine]) * maskWords;
        if (constrained[mine]) System.arraycopy(other.mask[slice], 0, maskOf(mine), 0, masked);
        report[mine] = other.report[slice];
        following[mine] = other.following[slice];
        historyLength[mine] = other.historyLength[slice];
        int remembered = historyLength[mine] + proposedCount[mine];
        if (historyLength[mine] > 0) history[mine] = Arrays.copyOf(other.history[slice], remembered);
    }

    /// Number of slices; each is of another sequence.
    public int sliceCount() {
        return sliceCount;
    }

    /// What is to be found out about the slice's positions, which are a prompt's; null if nothing is.
    @Nullable
    public PromptReport report(int slice) {
        return report[slice];
    }

    /// The token of the slice's prompt after its token `index`, or `NO_TOKEN` at the prompt's end. For a slice that
    /// reports.
    public int promptTokenAfter(int slice, int index) {
        return index + 1 < length(slice) ? tokens[tokenStart[slice] + index + 1] : following[slice];
    }

    /// Number of tokens over all slices.
    public int tokenCount() {
        return tokenCount;
    }

    /// True if there is nothing to compute and nothing to copy.
    public boolean isEmpty() {
        return sliceCount == 0 && copiesOutCount == 0 && copiesInCount == 0;
    }

    /// Slices of sequences that write: a single token, after which the next is sampled.
    int writingSlices() {
        int count = 0;
        for (int slice = 0; slice < sliceCount; slice++) {
            if (isWriting(slice)) count++;
        }
        return count;
    }

    /// What the other slices' tokens attend to: for each token, the tokens before it.
    double promptPairs() {
        double pairs = 0;
        for (int slice = 0; slice < sliceCount; slice++) {
            if (!isWriting(slice)) pairs += pairs(slice);
        }
        return pairs;
    }

    /// What the slice's tokens attend to: for each of them, the tokens before it.
    double pairs(int slice) {
        return length(slice) * (firstPosition(slice) + length(slice) / 2.0);
    }

    boolean isWriting(int slice) {
        return length(slice) - proposedCount[slice] == 1 && samples(slice);
    }

    /// Tokens of the step that its sequences do not have.
    int proposedTokens() {
        return proposedTokens;
    }

    /// How many tokens at the slice's end its sequence does not have; 0 if it does not sample.
    public int proposedCount(int slice) {
        return proposedCount[slice];
    }

    /// Proposed token `index` of the slice: it is right if it is what sample `index` gives.
    public int proposed(int slice, int index) {
        return tokens[tokenStart[slice + 1] - proposedCount[slice] + index];
    }

    /// Number of samples that the slice asks for at most: those after a wrong guess are not wanted.
    public int sampleCount(int slice) {
        return samples[slice] ? 1 + proposedCount[slice] : 0;
    }

    /// Tokens of the sequence before the one that sample `index` gives, proposed ones included.
    public int samplePosition(int slice, int index) {
        return firstPosition[slice] + length(slice) - proposedCount[slice] + index;
    }

    /// The token of the step, as an index among all, that sample `index` of the slice follows.
    public int sampleToken(int slice, int index) {
        return tokenStart[slice + 1] - 1 - proposedCount[slice] + index;
    }

    /// The slice of the step before that samples this slice's token; -1 if the plan has the slice's tokens.
    public int feedingSlice(int slice) {
        return feedingSlice[slice];
    }

    /// Token `index` of the step, slices back to back; 0 where the step before samples it.
    public int token(int index) {
        return tokens[index];
    }

    /// Where slice `slice` starts among the step's tokens; `tokenStart(sliceCount())` is `tokenCount()`.
    public int tokenStart(int slice) {
        return tokenStart[slice];
    }

    public int length(int slice) {
        return tokenStart[slice + 1] - tokenStart[slice];
    }

    /// Position in its sequence of the slice's first token; also the number of tokens already computed.
    public int firstPosition(int slice) {
        return firstPosition[slice];
    }

    /// The block that holds positions `[index * blockSize, (index + 1) * blockSize)` of the slice's sequence.
    public int block(int slice, int index) {
        return blockTable[slice * limits.sequenceBlocksMax() + index];
    }

    /// Blocks of the slice's sequence, covering all positions up to the slice's end.
    public int blockCount(int slice) {
        return blockCount[slice];
    }

    /// True if the slice asks for the token after its sequence's last one.
    public boolean samples(int slice) {
        return samples[slice];
    }

    /// How the slice's token is chosen; meaningful if it samples.
    public SamplingParams sampling(int slice) {
        return sampling[slice];
    }

    /// Tokens of the sequence's prompt; what lies beyond is output. Meaningful if the slice samples.
    public int promptLength(int slice) {
        return promptLength[slice];
    }

    /// The request's end tokens, masked while fewer than `minTokens` were sampled. Not to be changed.
    public int[] endTokens(int slice) {
        return endTokens[slice];
    }

    /// Token `index` of the slice's whole sequence; present if it samples and
    /// `sampling(slice).usesHistory()`.
    public int history(int slice, int index) {
        return history[slice][index];
    }

    /// Number of tokens in `history`: all of the sequence, or 0 if not needed. Where it is, the slice's proposed
    /// tokens follow: sample `index` is chosen after `index` more.
    public int historyLength(int slice) {
        return historyLength[slice];
    }

    /// True if only some tokens may be sampled for the slice.
    public boolean isConstrained(int slice) {
        return constrained[slice];
    }

    /// True if sample `index` of the slice may be `token`.
    public boolean allows(int slice, int index, int token) {
        return !constrained[slice] || (allowed(slice, index, token >> 6) & 1L << token) != 0;
    }

    /// Which of the tokens `[64 * word, 64 * word + 64)` sample `index` may be, the first in the lowest bit; for
    /// a slice that is constrained.
    public long allowed(int slice, int index, int word) {
        return mask[slice][index * maskWords + word];
    }

    /// True if sample `index` of the slice may be no token at all.
    boolean allowsNothing(int slice, int index) {
        if (!constrained[slice]) return false;
        for (int word = 0; word < maskWords; word++) {
            if (allowed(slice, index, word) != 0) return false;
        }
        return true;
    }

    public ModelLimits limits() {
        return limits;
    }
}

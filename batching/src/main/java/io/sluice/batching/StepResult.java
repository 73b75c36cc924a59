package io.sluice.batching;

import java.util.Arrays;

/// What a step brought: for each slice of its plan that samples, the tokens, and what was asked of their
/// log-probabilities. One token, but for slices with proposed tokens: they have one more for each guess that
/// was right, and none after the first that was wrong. Hot path: reused, no allocation. Written by the
/// runner, read by the scheduler, both on the engine thread.
public final class StepResult {

    /// `token` of a slice whose logits were not finite: the sequence cannot go on.
    public static final int NO_TOKEN = -1;

    private final int samplesMax; // of a slice
    private final int[] count; // [slice], samples
    private final boolean[] failed; // [slice]
    private final int[] token; // [slice, samplesMax]
    private final float[] logprob; // [slice, samplesMax]
    private final int[] topCount; // [slice, samplesMax]
    private final int[] topToken; // [slice, samplesMax, TOP_LOGPROBS_MAX]
    private final float[] topLogprob; // [slice, samplesMax, TOP_LOGPROBS_MAX]

    /// With room for a token of each slice.
    public StepResult(int sequencesMax) {
        this(sequencesMax, 0);
    }

    /// With room for what follows from so many proposed tokens of each slice.
    public StepResult(int sequencesMax, int proposedMax) {
        samplesMax = 1 + proposedMax;
        int samples = sequencesMax * samplesMax;
        count = new int[sequencesMax];
        failed = new boolean[sequencesMax];
        token = new int[samples];
        logprob = new float[samples];
        topCount = new int[samples];
        topToken = new int[samples * SamplingParams.TOP_LOGPROBS_MAX];
        topLogprob = new float[samples * SamplingParams.TOP_LOGPROBS_MAX];
    }

    /// Sets the slice's first token, and no other; alternatives start empty.
    public void set(int slice, int sampledToken, float sampledLogprob) {
        failed[slice] = false;
        count[slice] = 0;
        add(slice, sampledToken, sampledLogprob);
    }

    /// Appends the slice's next token, after a guess that was right; alternatives start empty.
    public void add(int slice, int sampledToken, float sampledLogprob) {
        int at = at(slice, count[slice]++);
        token[at] = sampledToken;
        logprob[at] = sampledLogprob;
        topCount[at] = 0;
    }

    /// Sets the slice's first token, or appends a further one.
    public void put(int slice, int index, int sampledToken, float sampledLogprob) {
        if (index == 0) set(slice, sampledToken, sampledLogprob);
        else add(slice, sampledToken, sampledLogprob);
    }

    /// Appends the next most likely alternative to the slice's latest token.
    public void addTop(int slice, int alternative, float alternativeLogprob) {
        int sample = at(slice, count[slice] - 1);
        int at = sample * SamplingParams.TOP_LOGPROBS_MAX + topCount[sample]++;
        topToken[at] = alternative;
        topLogprob[at] = alternativeLogprob;
    }

    private int at(int slice, int index) {
        return slice * samplesMax + index;
    }

    /// True if sample `index` of the plan's slice is wanted, given those before it: each guess before it was right.
    public boolean isWanted(StepPlan plan, int slice, int index) {
        return index == 0 || (count[slice] == index && token(slice, index - 1) == plan.proposed(slice, index - 1));
    }

    /// The slice could not be computed, whether it samples or not.
    void fail(int slice) {
        failed[slice] = true;
    }

    /// True if the slice could not be computed.
    boolean hasFailed(int slice) {
        return failed[slice];
    }

    /// Nothing has failed so far.
    void clearFailures() {
        Arrays.fill(failed, false);
    }

    /// Takes over what another result says of a slice.
    void copy(int slice, StepResult other, int otherSlice) {
        for (int index = 0; index < other.count(otherSlice); index++) {
            put(slice, index, other.token(otherSlice, index), other.logprob(otherSlice, index));
            for (int rank = 0; rank < other.topCount(otherSlice, index); rank++) {
                addTop(slice, other.topToken(otherSlice, index, rank), other.topLogprob(otherSlice, index, rank));
            }
        }
    }

    /// Tokens of the slice.
    public int count(int slice) {
        return count[slice];
    }

    /// The slice's first token, or `NO_TOKEN`.
    public int token(int slice) {
        return token(slice, 0);
    }

    /// Of the slice's first token.
    public float logprob(int slice) {
        return logprob(slice, 0);
    }

    /// Of the slice's first token.
    public int topCount(int slice) {
        return topCount(slice, 0);
    }

    /// Of the slice's first token.
    public int topToken(int slice, int rank) {
        return topToken(slice, 0, rank);
    }

    /// Of the slice's first token.
    public float topLogprob(int slice, int rank) {
        return topLogprob(slice, 0, rank);
    }

    /// The slice's token `index`, or `NO_TOKEN`.
    public int token(int slice, int index) {
        return token[at(slice, index)];
    }

    /// Natural logarithm of the token's probability under the unmodified logits; 0 if not asked for.
    public float logprob(int slice, int index) {
        return logprob[at(slice, index)];
    }

    public int topCount(int slice, int index) {
        return topCount[at(slice, index)];
    }

    public int topToken(int slice, int index, int rank) {
        return topToken[at(slice, index) * SamplingParams.TOP_LOGPROBS_MAX + rank];
    }

    public float topLogprob(int slice, int index, int rank) {
        return topLogprob[at(slice, index) * SamplingParams.TOP_LOGPROBS_MAX + rank];
    }
}

package io.sluice.batching;

import java.util.Arrays;

/// What a step brought: for each slice of its plan that samples, a token and what was asked of its
/// log-probabilities. Hot path: reused, no allocation. Written by the runner, read by the scheduler, both on
/// the engine thread.
public final class StepResult {

    /// `token` of a slice whose logits were not finite: the sequence cannot go on.
    public static final int NO_TOKEN = -1;

    private final int[] token; // [slice]
    private final boolean[] failed; // [slice]
    private final float[] logprob; // [slice]
    private final int[] topCount; // [slice]
    private final int[] topToken; // [slice, TOP_LOGPROBS_MAX]
    private final float[] topLogprob; // [slice, TOP_LOGPROBS_MAX]

    public StepResult(int sequencesMax) {
        token = new int[sequencesMax];
        failed = new boolean[sequencesMax];
        logprob = new float[sequencesMax];
        topCount = new int[sequencesMax];
        topToken = new int[sequencesMax * SamplingParams.TOP_LOGPROBS_MAX];
        topLogprob = new float[sequencesMax * SamplingParams.TOP_LOGPROBS_MAX];
    }

    /// Sets the slice's token; alternatives start empty.
    public void set(int slice, int sampledToken, float sampledLogprob) {
        failed[slice] = false;
        token[slice] = sampledToken;
        logprob[slice] = sampledLogprob;
        topCount[slice] = 0;
    }

    /// Appends the slice's next most likely alternative.
    public void addTop(int slice, int alternative, float alternativeLogprob) {
        int at = slice * SamplingParams.TOP_LOGPROBS_MAX + topCount[slice]++;
        topToken[at] = alternative;
        topLogprob[at] = alternativeLogprob;
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
        set(slice, other.token(otherSlice), other.logprob(otherSlice));
        for (int rank = 0; rank < other.topCount(otherSlice); rank++) {
            addTop(slice, other.topToken(otherSlice, rank), other.topLogprob(otherSlice, rank));
        }
    }

    /// The sampled token, or `NO_TOKEN`.
    public int token(int slice) {
        return token[slice];
    }

    /// Natural logarithm of the token's probability under the unmodified logits; 0 if not asked for.
    public float logprob(int slice) {
        return logprob[slice];
    }

    public int topCount(int slice) {
        return topCount[slice];
    }

    public int topToken(int slice, int rank) {
        return topToken[slice * SamplingParams.TOP_LOGPROBS_MAX + rank];
    }

    public float topLogprob(int slice, int rank) {
        return topLogprob[slice * SamplingParams.TOP_LOGPROBS_MAX + rank];
    }
}

package io.sluice.batching;

/// How probable each token of a prompt was after those before it. The first has nothing before it. Threads as
/// `PromptReport` says.
public final class PromptLogprobs extends PromptReport {
    private static final float[] NO_NUMBERS = {};
    private static final int[] NO_TOKENS = {};

    private final int[] tokens; // [position]
    private final int topMax;
    private float[] logprobs = NO_NUMBERS; // [position]
    private int[] ranks = NO_TOKENS; // [position], the likeliest is 1
    private int[] topCounts = NO_TOKENS; // [position]
    private int[] topTokens = NO_TOKENS; // [position, topMax]
    private float[] topLogprobs = NO_NUMBERS; // [position, topMax]

    PromptLogprobs(int[] prompt, int topMax) {
        super(prompt.length, 1);
        tokens = prompt;
        this.topMax = topMax;
    }

    /// Alternatives wanted at each position.
    public int topMax() {
        return topMax;
    }

    /// Takes note of the token at `position`; its alternatives come next.
    ///
    /// @param rank how many tokens were at least as likely, itself included
    /// @return false if that is known, and no alternatives are to follow
    public boolean set(int position, float logprob, int rank) {
        if (!advance(position)) return false;
        if (logprobs.length == 0) allocate();
        requireNumber(logprob);
        logprobs[position] = logprob;
        ranks[position] = rank;
        return true;
    }

    /// Appends the next most likely alternative at `position`.
    public void addTop(int position, int token, float logprob) {
        int at = position * topMax + topCounts[position]++;
        topTokens[at] = token;
        topLogprobs[at] = logprob;
    }

    private void allocate() {
        int length = promptLength();
        logprobs = new float[length];
        ranks = new int[length];
        topCounts = new int[length];
        topTokens = new int[length * topMax];
        topLogprobs = new float[length * topMax];
    }

    /// The prompt's token at `position`.
    public int token(int position) {
        return tokens[position];
    }

    /// Natural logarithm of the probability of the token at `position`, from 1 on.
    public float logprob(int position) {
        return logprobs[position];
    }

    public int rank(int position) {
        return ranks[position];
    }

    public int topCount(int position) {
        return topCounts[position];
    }

    public int topToken(int position, int rank) {
        return topTokens[position * topMax + rank];
    }

    public float topLogprob(int position, int rank) {
        return topLogprobs[position * topMax + rank];
    }
}

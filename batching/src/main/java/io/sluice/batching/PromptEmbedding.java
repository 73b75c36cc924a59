package io.sluice.batching;

/// A prompt's embedding: its tokens' final hidden states, pooled. Threads as `PromptReport` says.
public final class PromptEmbedding extends PromptReport {
    private final PromptWish.Pooling pooling;
    private double[] sum = {}; // [hidden]

    PromptEmbedding(int promptLength, PromptWish.Pooling pooling) {
        super(promptLength, 0);
        this.pooling = pooling;
    }

    /// True if the hidden state at `position` matters.
    public boolean needs(int position) {
        return pooling == PromptWish.Pooling.MEAN || position == promptLength() - 1;
    }

    /// The hidden state at `position` is the next `width` calls of `add`.
    ///
    /// @return false if it is known already, or of no use
    public boolean begin(int position, int width) {
        if (!advance(position) || !needs(position)) return false;
        if (sum.length == 0) sum = new double[width];
        return true;
    }

    public void add(int index, float number) {
        requireNumber(number);
        sum[index] += number;
    }

    /// The pooled hidden state, as long as it is.
    public double[] pooled() {
        double[] pooled = sum.clone();
        if (pooling == PromptWish.Pooling.MEAN) {
            for (int i = 0; i < pooled.length; i++) pooled[i] /= promptLength();
        }
        return pooled;
    }
}

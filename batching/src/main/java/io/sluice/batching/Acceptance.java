package io.sluice.batching;

/// How likely a guessed token is right if those before it are, by what became of the latest. Engine thread only.
final class Acceptance {

    /// What a guess of 14 guesses ago still counts: half.
    private static final double KEPT = 0.95;

    /// What is believed beforehand counts as much as so many guesses.
    private static final double PRIOR_WEIGHT = 3;

    private double tried;
    private double right;

    /// Of the guesses of a step the first `rightOnes` were right, and then, if there were more, one wrong. What
    /// came after that says nothing.
    void learn(int proposed, int rightOnes) {
        for (int i = 0; i < rightOnes; i++) learn(1);
        if (rightOnes < proposed) learn(0);
    }

    private void learn(double one) {
        tried = KEPT * tried + 1;
        right = KEPT * right + one;
    }

    /// The probability, where nothing was known but `prior` before the first guess.
    double rate(double prior) {
        return (right + PRIOR_WEIGHT * prior) / (tried + PRIOR_WEIGHT);
    }
}

package io.sluice.benchmarks.load;

import java.util.random.RandomGenerator;

/// Numbers of tokens between two bounds, all equally likely. A value.
record Lengths(int least, int most) {
    static final int TOKENS_MAX = 1 << 20;

    Lengths {
        if (least < 1 || most < least || most > TOKENS_MAX) {
            throw new IllegalArgumentException("must be like 256 or 128-1024, each between 1 and " + TOKENS_MAX);
        }
    }

    /// `256` or `128-1024`.
    static Lengths of(String text) {
        if (!text.matches("[0-9]{1,9}(-[0-9]{1,9})?")) {
            throw new IllegalArgumentException("must be like 256 or 128-1024, got \"" + text + "\"");
        }
        int dash = text.indexOf('-');
        int least = Integer.parseInt(dash < 0 ? text : text.substring(0, dash));
        return new Lengths(least, dash < 0 ? least : Integer.parseInt(text.substring(dash + 1)));
    }

    int draw(RandomGenerator random) {
        return least == most ? least : random.nextInt(least, most + 1);
    }

    @Override
    public String toString() {
        return least == most ? Integer.toString(least) : least + "-" + most;
    }
}

package io.sluice.modelstore;

/// What one rendering may use: without a bound, a template could keep a thread and the heap for itself. One
/// thread.
final class JinjaBudget {
    /// About a second. A conversation of a thousand messages takes some hundred thousand steps.
    private static final long STEPS_MAX = 20_000_000;
    /// Copying this many characters counts as one step.
    private static final int CHARACTERS_PER_STEP = 32;
    /// Longest string, and longest output: many times the longest context.
    static final int CHARACTERS_MAX = 16 << 20;
    private static final int ITEMS_MAX = 100_000;
    /// Nested evaluations and macro calls; well inside the smallest stack.
    private static final int DEPTH_MAX = 400;

    /// Lists in lists, as far as they are looked into.
    static final int VALUE_DEPTH_MAX = 200;

    private long stepsLeft = STEPS_MAX;
    private int depth;

    void step() {
        if (--stepsLeft < 0) {
            throw new JinjaException("it takes more than " + STEPS_MAX + " steps");
        }
    }

    /// Before a string of this length is made.
    void text(long characters) {
        textLength(characters);
        stepsLeft -= characters / CHARACTERS_PER_STEP;
        step();
    }

    /// Before a text grows to this length.
    static void textLength(long characters) {
        if (characters > CHARACTERS_MAX) {
            throw new JinjaException("it makes a text longer than " + CHARACTERS_MAX + " characters");
        }
    }

    static JinjaException tooDeep() {
        return new JinjaException("it works with a value that is nested too deep or too large");
    }

    /// Before a list of this length is made.
    void items(long count) {
        if (count > ITEMS_MAX) {
            throw new JinjaException("it makes a list of more than " + ITEMS_MAX + " items");
        }
        stepsLeft -= count;
        step();
    }

    void enter() {
        if (++depth > DEPTH_MAX) {
            throw new JinjaException("it is nested, or calls itself, deeper than " + DEPTH_MAX + " levels");
        }
        step();
    }

    void leave() {
        depth--;
    }
}

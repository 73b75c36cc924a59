package io.sluice.modelstore.grammar;

/// The bounds of a wanted structure. Together they keep a compiled structure below some tens of megabytes and
/// its compilation below about a second of one core.
final class GrammarLimits {

    /// Characters of a schema, regular expression or grammar: more than any that people write by hand.
    static final int SOURCE_CHARS_MAX = 256 * 1024;

    /// Rules of a grammar; a schema has about one per distinct subschema.
    static final int RULES_MAX = 4_096;

    /// States of the non-deterministic automaton of one rule: repetitions are written out in it.
    static final int NFA_STATES_MAX = 100_000;

    /// States of all rules together, once deterministic.
    static final int STATES_MAX = 40_000;

    /// Entries of the transition table: 32 MiB.
    static final long TABLE_MAX = 8L << 20;

    /// States of the automaton of one regular expression or one bounded string.
    static final int TEXT_STATES_MAX = 4_096;

    /// States times letters that one determinisation may look at.
    static final long WORK_MAX = 40_000_000;

    /// Steps of a whole compilation, of some nanoseconds each: about a second. Masks are not counted here.
    static final long COMPILATION_WORK_MAX = 250_000_000;

    /// Steps that one mask, or one token taken in, may cost: some ten milliseconds of the engine's thread at most.
    /// A mask over 256,000 tokens takes a million where nothing is ambiguous.
    static final long TOKEN_WORK_MAX = 6_000_000;

    /// Memory that the masks of one structure may take.
    static final long MASK_BYTES_MAX = 48L << 20;

    /// Stacks that one output may have at once. A grammar that needs more is hopelessly ambiguous.
    static final int HEADS_MAX = 4_096;

    /// Depth of a schema's or an expression's nesting.
    static final int DEPTH_MAX = 128;

    /// Depth of a schema's nesting once references are followed: each level takes a dozen frames of the stack.
    static final int REFERENCES_DEPTH_MAX = 512;

    /// Alternatives that `anyOf` under `allOf` may multiply to.
    static final int ALTERNATIVES_MAX = 512;

    private GrammarLimits() {}

    static GrammarException over(String what, long limit) {
        return new GrammarException("it is too large: more than " + limit + " " + what
                + "; use smaller bounds of repetition or length, or split it");
    }
}

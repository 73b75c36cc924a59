package io.sluice.batching;

/// Whether tokens are proposed to sequences, so that a step may bring several of them forward by more than one
/// token. A value.
///
/// @param kind who proposes
/// @param tokensMax the most proposed tokens of a sequence in a step
public record SpeculationSettings(Kind kind, int tokensMax) {

    /// Who proposes.
    public enum Kind {
        /// Nobody.
        OFF,
        /// What followed the latest tokens when they last came in the same sequence.
        NGRAM,
        /// A second, smaller model.
        DRAFT
    }

    /// More are never worth their place: at nine of ten right, every sixth row of sixteen is still of use.
    public static final int TOKENS_MAX = 16;

    /// Nothing is proposed.
    public static final SpeculationSettings OFF = new SpeculationSettings(Kind.OFF, 1);

    public SpeculationSettings {
        if (tokensMax < 1 || tokensMax > TOKENS_MAX) {
            throw new IllegalArgumentException("tokensMax must be between 1 and " + TOKENS_MAX + ", got " + tokensMax);
        }
    }

    boolean isOn() {
        return kind != Kind.OFF;
    }
}

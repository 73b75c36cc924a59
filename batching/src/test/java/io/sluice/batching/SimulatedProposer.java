package io.sluice.batching;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Guesses what the simulation knows to be true, or something else, or nothing: each sequence has its own share of
/// right guesses.
final class SimulatedProposer implements Proposer {
    private final Map<TokenStream, SimulatedChoice> choices;
    private final long seed;

    SimulatedProposer(Map<TokenStream, SimulatedChoice> choices, long seed) {
        this.choices = choices;
        this.seed = seed;
    }

    @Override
    public void propose(@Nullable Sequence[] sequences, int count) {
        for (int i = 0; i < count; i++) propose(Invariant.present(sequences[i], "a sequence"));
    }

    private void propose(Sequence sequence) {
        SimulatedChoice choice = Invariant.present(choices.get(sequence.stream()), "a choice of the simulation");
        SimulationFailure.check(sequence.proposal().count() == 0, "guesses are left of another step");
        long rightOfEight = Long.remainderUnsigned(UnbatchedModel.mix(choice.seed ^ seed), 9);
        for (int i = 0; i < sequence.proposal().wanted(); i++) {
            int position = sequence.tokenCount() + i;
            long drawn = UnbatchedModel.mix(UnbatchedModel.mix(seed + position) + choice.seed);
            if (drawn % 11 == 0) return;
            boolean right = Long.remainderUnsigned(drawn >>> 4, 8) < rightOfEight && position < choice.truth.length;
            // Beyond the truth any token will do.
            sequence.proposal()
                    .add(
                            right
                                    ? choice.truth[position]
                                    : choice.truth[Math.floorMod((int) (drawn >>> 32), choice.truth.length)]);
        }
    }
}

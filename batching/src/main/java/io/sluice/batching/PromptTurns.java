package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// In which order the prompts that are being computed take a step's tokens: by rank, the guaranteed first; within
/// a class by the virtual time at which each had its turn, so that a tenant who sends little does not stand behind
/// all that another has started. What a prompt itself has cost does not set it back: whoever has begun goes on.
/// Hot path: no allocation once it has grown. Engine thread only.
final class PromptTurns {
    private @Nullable Sequence[] prompts = new Sequence[8];
    private int size;

    /// Takes those of the sequences that have more than one token to compute, and whose readers keep up.
    void collect(SequenceList running) {
        Arrays.fill(prompts, 0, size, null);
        size = 0;
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (!sequence.isPaused() && sequence.uncomputed() > 1) insert(sequence);
        }
    }

    private void insert(Sequence sequence) {
        if (size == prompts.length) prompts = Arrays.copyOf(prompts, size * 2);
        int at = size++;
        for (; at > 0 && goesBefore(sequence, get(at - 1)); at--) prompts[at] = prompts[at - 1];
        prompts[at] = sequence;
    }

    Sequence get(int at) {
        return Invariant.present(prompts[at], "no prompt at this index");
    }

    int size() {
        return size;
    }

    /// True if the one's prompt takes tokens before the other's.
    static boolean goesBefore(Sequence one, Sequence other) {
        if (one.flow() != other.flow()
                && one.flow().classQueue() == other.flow().classQueue()) {
            int order = Double.compare(virtualTurn(one), virtualTurn(other));
            if (order != 0) return order < 0;
        }
        return one.precedence() < other.precedence();
    }

    /// The virtual time of its flow at which it had its turn.
    static double virtualTurn(Sequence sequence) {
        double own = (sequence.chargedTokens() - sequence.cachedTokens()) * FairQueue.PROMPT_COST;
        return sequence.flow().virtualTime()
                - own / sequence.flow().account().terms().weight();
    }
}

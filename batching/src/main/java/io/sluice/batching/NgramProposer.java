package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Guesses that what followed the latest tokens of a sequence when they last came in it follows them again (prompt
/// lookup, Saxena 2023): answers quote their prompts, and code and lists repeat themselves. The longest match
/// counts, of equal ones the latest. Hot path: no allocation. Engine thread only.
final class NgramProposer implements Proposer {

    /// A single token comes back by chance.
    private static final int MATCH_MIN = 2;

    /// Longer matches say no more, and it is as well to look no further.
    private static final int MATCH_MAX = 8;

    /// How far back is looked: a look at so many tokens takes some 10 us, once per sequence and step.
    private static final int TOKENS_BACK = 16_384;

    @Override
    public void propose(@Nullable Sequence[] sequences, int count) {
        for (int i = 0; i < count; i++) {
            Sequence sequence = Invariant.present(sequences[i], "a sequence");
            propose(sequence.tokens(), sequence.tokenCount(), sequence.proposal());
        }
    }

    static void propose(int[] tokens, int tokenCount, Proposal proposal) {
        int next = nextAfterMatch(tokens, tokenCount);
        if (next < 0) return;
        // A match that reaches the end repeats itself: what follows its last token is what was just guessed.
        int period = tokenCount - next;
        for (int i = 0; i < proposal.wanted(); i++) proposal.add(tokens[next + i % period]);
    }

    /// Where the longest match goes on; -1 if there is none.
    private static int nextAfterMatch(int[] tokens, int tokenCount) {
        int last = tokenCount - 1;
        int bestLength = MATCH_MIN - 1;
        int best = -1;
        int first = Math.max(0, last - TOKENS_BACK);
        for (int end = last - 1; end >= first; end--) {
            if (tokens[end] != tokens[last]) continue;
            int length = matchLength(tokens, end, last);
            if (length <= bestLength) continue;
            bestLength = length;
            best = end + 1;
            if (length == MATCH_MAX) break;
        }
        return best;
    }

    private static int matchLength(int[] tokens, int end, int last) {
        int length = 1;
        while (length < MATCH_MAX && length <= end && tokens[end - length] == tokens[last - length]) length++;
        return length;
    }
}

package io.sluice.batching;

import java.util.Arrays;

/// How many blocks a set of running sequences will need at the worst moment to come, if each grows as far as
/// is expected of it and gives its blocks back then. The peak-memory estimate of Past-Future (Gong et al.,
/// ASPLOS 2025), in blocks. Hot path: no allocation. Engine thread only.
///
/// All grow at the same pace, so the one that has least left ends first. Sorted by what is left, most first,
/// sequence `i` (from 1) is the last to end of the first `i`, and at that moment those hold
/// `held[1] + ... + held[i] + i * left[i]` blocks: each has grown by as much as `i` had left. The peak is the
/// largest of these sums.
final class KvForecast {
    private final long[] sequences; // [count], blocks left << 32 | blocks held; sorted when the peak is asked for
    private int count;
    private long shared;
    private long heldSum;
    private long leftSum;
    private double marginSquares; // the margins of independent sequences add up as their squares

    KvForecast(int sequencesMax) {
        sequences = new long[sequencesMax + 1];
    }

    /// Begins anew.
    ///
    /// @param sharedBlocks blocks in use that no single sequence will give back
    void clear(int sharedBlocks) {
        count = 0;
        shared = sharedBlocks;
        heldSum = 0;
        leftSum = 0;
        marginSquares = 0;
    }

    /// Adds a sequence that holds `held` blocks of its own and is expected to take `left` more, give or take
    /// a margin whose square is given.
    void add(int held, int left, double marginSquared) {
        marginSquares += marginSquared;
        sequences[count++] = (long) left << 32 | held;
        heldSum += held;
        leftSum += left;
    }

    /// Takes the sequence added last out again.
    void removeLast(double marginSquared) {
        marginSquares -= marginSquared;
        long last = sequences[--count];
        heldSum -= (int) last;
        leftSum -= last >>> 32;
    }

    /// True if the peak is at most `blocks`.
    boolean fits(long blocks) {
        // If all of them may be as long as expected at once, nothing needs to be sorted.
        return shared + heldSum + leftSum + margin() <= blocks || peak() <= blocks;
    }

    private long margin() {
        return (long) Math.ceil(Math.sqrt(Math.max(0, marginSquares)));
    }

    /// The most blocks in use at any moment to come, margin included.
    long peak() {
        long newest = count == 0 ? 0 : sequences[count - 1];
        Arrays.sort(sequences, 0, count);
        long held = 0;
        long peak = 0;
        for (int i = 1; i <= count; i++) {
            long sequence = sequences[count - i];
            held += (int) sequence;
            peak = Math.max(peak, held + i * (sequence >>> 32));
        }
        moveToEnd(newest);
        return shared + peak + margin();
    }

    /// Sorting must not change which one was added last.
    private void moveToEnd(long sequence) {
        if (count == 0) return;
        int at = Arrays.binarySearch(sequences, 0, count, sequence);
        System.arraycopy(sequences, at + 1, sequences, at, count - at - 1);
        sequences[count - 1] = sequence;
    }
}

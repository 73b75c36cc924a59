package io.sluice.batching;

import java.util.Arrays;

/// The blocks of one sequence, in position order: block `i` holds positions `[i * blockSize, (i + 1) * blockSize)`.
/// Append-only while the sequence runs. Engine thread only.
final class BlockTable {
    private int[] blocks = {};
    private int count;
    private int removals;

    void append(int block) {
        if (count == blocks.length) blocks = Arrays.copyOf(blocks, Math.max(8, count * 2));
        blocks[count++] = block;
    }

    /// Makes room for so many blocks in all, so that `append` allocates nothing up to there.
    void reserve(int room) {
        if (room > blocks.length) blocks = Arrays.copyOf(blocks, room);
    }

    /// Takes the last block off.
    int removeLast() {
        Invariant.check(count > 0, "an empty block table has no last block");
        removals++;
        return blocks[--count];
    }

    int block(int position) {
        return blocks[position];
    }

    int count() {
        return count;
    }

    /// How often a block was taken off: while this stays the same, whoever knows the first blocks knows them still.
    int removals() {
        return removals;
    }

    /// The blocks, valid in `[0, count())`; for copying at once, not for keeping.
    int[] array() {
        return blocks;
    }
}

package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Sequences in order of arrival. Hot path: no allocation once it has grown. Engine thread only.
final class SequenceList {
    private @Nullable Sequence[] items = new Sequence[16];
    private int size;

    /// Inserts where its arrival belongs, looking from the end: nearly always the end.
    void insert(Sequence sequence) {
        if (size == items.length) items = Arrays.copyOf(items, size * 2);
        int at = size;
        while (at > 0 && get(at - 1).order() > sequence.order()) at--;
        System.arraycopy(items, at, items, at + 1, size - at);
        items[at] = sequence;
        size++;
    }

    void remove(int at) {
        System.arraycopy(items, at + 1, items, at, size - at - 1);
        items[--size] = null;
    }

    /// Drops the sequences that have ended.
    void removeEnded() {
        int kept = 0;
        for (int i = 0; i < size; i++) {
            Sequence sequence = get(i);
            if (sequence.status() != Sequence.Status.ENDED) items[kept++] = sequence;
        }
        Arrays.fill(items, kept, size, null);
        size = kept;
    }

    Sequence get(int at) {
        return Invariant.present(items[at], "no sequence at this index");
    }

    Sequence last() {
        return get(size - 1);
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }
}

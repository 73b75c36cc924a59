package io.sluice.batching;

import java.util.Arrays;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/// Sequences in the order of a key that no two of them share and that does not change while they are in it.
/// Hot path: no allocation once it has grown. Engine thread only.
final class SequenceList {
    private final ToLongFunction<Sequence> key;
    private @Nullable Sequence[] items = new Sequence[8];
    private int size;

    private SequenceList(ToLongFunction<Sequence> key) {
        this.key = key;
    }

    /// Who came first is first.
    static SequenceList byArrival() {
        return new SequenceList(Sequence::order);
    }

    /// Who gives way last is first.
    static SequenceList byPrecedence() {
        return new SequenceList(Sequence::precedence);
    }

    /// Inserts a sequence where it belongs, looking from the end: nearly always the end.
    void insert(Sequence sequence) {
        if (size == items.length) items = Arrays.copyOf(items, size * 2);
        long itsKey = key.applyAsLong(sequence);
        int at = size;
        while (at > 0 && key.applyAsLong(get(at - 1)) > itsKey) at--;
        System.arraycopy(items, at, items, at + 1, size - at);
        items[at] = sequence;
        size++;
    }

    void remove(Sequence sequence) {
        int at = indexOf(sequence);
        System.arraycopy(items, at + 1, items, at, size - at - 1);
        items[--size] = null;
    }

    /// Where the sequence is, which must be in the list.
    int indexOf(Sequence sequence) {
        long itsKey = key.applyAsLong(sequence);
        int low = 0;
        int high = size - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (key.applyAsLong(get(middle)) < itsKey) low = middle + 1;
            else high = middle;
        }
        Invariant.check(low < size && get(low) == sequence, "a sequence is not in the list that it belongs to");
        return low;
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

    Sequence first() {
        return get(0);
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }
}

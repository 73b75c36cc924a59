package io.sluice.modelstore.grammar;

/// Writes ranges of code points into automata over bytes: their UTF-8, cut where its shape changes. Any thread.
final class Utf8Ranges {
    private static final int[] LAST_OF_LENGTH = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};

    private Utf8Ranges() {}

    static void add(Nfa nfa, int first, int last, int from, int to) {
        int start = first;
        for (int length = 1; length <= 4 && start <= last; length++) {
            int end = Math.min(last, LAST_OF_LENGTH[length - 1]);
            if (start > end) continue;
            add(nfa, start, end, length, from, to);
            start = end + 1;
        }
    }

    /// Code points whose UTF-8 has `length` bytes.
    private static void add(Nfa nfa, int first, int last, int length, int from, int to) {
        if (length == 1) {
            nfa.edge(from, first, last, to);
            return;
        }
        // Ranges that share all but their last bytes, or take all of those, are products of ranges of bytes.
        for (int tail = 1; tail < length; tail++) {
            int mask = (1 << (6 * tail)) - 1;
            if ((first & ~mask) == (last & ~mask)) continue;
            if ((first & mask) != 0) {
                add(nfa, first, first | mask, length, from, to);
                add(nfa, (first | mask) + 1, last, length, from, to);
                return;
            }
            if ((last & mask) != mask) {
                add(nfa, first, (last & ~mask) - 1, length, from, to);
                add(nfa, last & ~mask, last, length, from, to);
                return;
            }
        }
        int at = from;
        for (int i = 0; i < length; i++) {
            int next = i == length - 1 ? to : nfa.state();
            nfa.edge(at, unit(first, length, i), unit(last, length, i), next);
            at = next;
        }
    }

    /// Byte `index` of a code point's UTF-8 of `length` bytes.
    private static int unit(int codePoint, int length, int index) {
        int bits = codePoint >>> (6 * (length - 1 - index));
        if (index > 0) return 0x80 | (bits & 0x3F);
        return switch (length) {
            case 2 -> 0xC0 | bits;
            case 3 -> 0xE0 | bits;
            default -> 0xF0 | bits;
        };
    }
}

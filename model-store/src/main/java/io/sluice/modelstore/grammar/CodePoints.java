package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A set of code points, as sorted ranges that neither touch nor overlap. A value.
///
/// @param bounds first and last code point of each range: `[range, 2]`
record CodePoints(int[] bounds) {
    private static final int LAST = 0x10FFFF;
    private static final int SURROGATES_FIRST = 0xD800;
    private static final int SURROGATES_LAST = 0xDFFF;

    static final CodePoints NONE = new CodePoints(new int[0]);

    /// All characters: half a surrogate pair is none.
    static final CodePoints ALL = new CodePoints(new int[] {0, SURROGATES_FIRST - 1, SURROGATES_LAST + 1, LAST});

    static CodePoints of(int first, int last) {
        return first > last ? NONE : new CodePoints(new int[] {first, last});
    }

    static CodePoints of(int one) {
        return of(one, one);
    }

    /// Each character of `text`.
    static CodePoints anyOf(String text) {
        return text.codePoints().mapToObj(CodePoints::of).reduce(NONE, CodePoints::or);
    }

    boolean isEmpty() {
        return bounds.length == 0;
    }

    int rangeCount() {
        return bounds.length / 2;
    }

    int first(int range) {
        return bounds[2 * range];
    }

    int last(int range) {
        return bounds[2 * range + 1];
    }

    CodePoints or(CodePoints other) {
        List<int[]> ranges = new ArrayList<>();
        for (int i = 0; i < rangeCount(); i++) ranges.add(new int[] {first(i), last(i)});
        for (int i = 0; i < other.rangeCount(); i++) ranges.add(new int[] {other.first(i), other.last(i)});
        return union(ranges);
    }

    /// The union of ranges in any order.
    static CodePoints union(List<int[]> ranges) {
        CompilationWork.spend(4L * ranges.size());
        List<int[]> sorted = new ArrayList<>(ranges);
        sorted.sort((a, b) -> Integer.compare(a[0], b[0]));
        int[] merged = new int[2 * sorted.size()];
        int size = 0;
        for (int[] range : sorted) {
            if (size > 0 && range[0] <= merged[size - 1] + 1) {
                merged[size - 1] = Math.max(merged[size - 1], range[1]);
            } else {
                merged[size++] = range[0];
                merged[size++] = range[1];
            }
        }
        return new CodePoints(Arrays.copyOf(merged, size));
    }

    /// All characters but these.
    CodePoints not() {
        return ALL.and(complement());
    }

    CodePoints minus(CodePoints other) {
        return and(other.complement());
    }

    private CodePoints complement() {
        List<int[]> gaps = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < rangeCount(); i++) {
            if (first(i) > next) gaps.add(new int[] {next, first(i) - 1});
            next = last(i) + 1;
        }
        if (next <= LAST) gaps.add(new int[] {next, LAST});
        return union(gaps);
    }

    CodePoints and(CodePoints other) {
        List<int[]> common = new ArrayList<>();
        for (int i = 0, j = 0; i < rangeCount() && j < other.rangeCount(); ) {
            int first = Math.max(first(i), other.first(j));
            int last = Math.min(last(i), other.last(j));
            if (first <= last) common.add(new int[] {first, last});
            if (last(i) < other.last(j)) i++;
            else j++;
        }
        return union(common);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CodePoints that && Arrays.equals(bounds, that.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }

    @Override
    public String toString() {
        return "CodePoints" + Arrays.toString(bounds);
    }
}

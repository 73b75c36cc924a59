package io.sluice.demomodel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/// Deals the encoded conversations into batches of similar length, in an order that the seed decides. Padding stands
/// after the text, where causal attention never looks from inside it. One thread.
final class Batches {
    private static final int WINDOW = 4096; // conversations sorted by length at a time

    /// Rows of equal length.
    ///
    /// @param ids `[rows * length]`, padded with the end mark
    /// @param from positions in the flat rows whose next token is learned
    /// @param next that next token
    record Batch(int rows, int length, int[] ids, int[] from, int[] next) {}

    private final List<DemoTokenizer.Encoded> texts;
    private final int batchTokens;
    private final SplittableRandom random;
    private final List<Batch> ready = new ArrayList<>();
    private int at;

    Batches(List<DemoTokenizer.Encoded> texts, int batchTokens, long seed) {
        this.texts = new ArrayList<>(texts);
        this.batchTokens = batchTokens;
        this.random = new SplittableRandom(seed);
    }

    /// The next batch; after the last conversation they come again in another order.
    Batch next() {
        if (ready.isEmpty()) {
            if (at >= texts.size()) {
                shuffle(texts);
                at = 0;
            }
            int end = Math.min(texts.size(), at + WINDOW);
            ready.addAll(batches(texts.subList(at, end), batchTokens));
            shuffle(ready);
            at = end;
        }
        return ready.removeLast();
    }

    /// Cuts texts, sorted by length, into batches of at most `batchTokens` with padding.
    static List<Batch> batches(List<DemoTokenizer.Encoded> texts, int batchTokens) {
        var sorted = new ArrayList<>(texts);
        sorted.sort(Comparator.comparingInt(text -> text.ids().length));
        var batches = new ArrayList<Batch>();
        var rows = new ArrayList<DemoTokenizer.Encoded>();
        for (DemoTokenizer.Encoded text : sorted) {
            if (!rows.isEmpty() && (rows.size() + 1) * text.ids().length > batchTokens) {
                batches.add(batch(rows));
                rows.clear();
            }
            rows.add(text);
        }
        if (!rows.isEmpty()) {
            batches.add(batch(rows));
        }
        return batches;
    }

    private static Batch batch(List<DemoTokenizer.Encoded> rows) {
        int length = rows.getLast().ids().length;
        var ids = new int[rows.size() * length];
        Arrays.fill(ids, DemoTokenizer.END_ID);
        var from = new ArrayList<Integer>();
        var next = new ArrayList<Integer>();
        for (int row = 0; row < rows.size(); row++) {
            DemoTokenizer.Encoded text = rows.get(row);
            int start = row * length;
            System.arraycopy(text.ids(), 0, ids, start, text.ids().length);
            text.learned().stream().forEach(position -> {
                from.add(start + position - 1);
                next.add(text.ids()[position]);
            });
        }
        return new Batch(rows.size(), length, ids, ints(from), ints(next));
    }

    private static int[] ints(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).toArray();
    }

    private <T> void shuffle(List<T> list) {
        for (int i = list.size() - 1; i > 0; i--) {
            Collections.swap(list, i, random.nextInt(i + 1));
        }
    }
}

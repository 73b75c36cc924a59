package io.sluice.server.settings;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/// Finds what somebody probably meant. Any thread.
public final class NearestName {
    private NearestName() {}

    /// ` (did you mean NAME?)`, or nothing if no name is near.
    public static String hint(String wrong, Collection<String> names) {
        return find(wrong, names).map(name -> " (did you mean " + name + "?)").orElse("");
    }

    /// The name that fewest edits turn `wrong` into, if they are few.
    static Optional<String> find(String wrong, Collection<String> names) {
        return names.stream()
                .min(Comparator.comparingInt(name -> distance(wrong, name)))
                .filter(name -> isNear(wrong, name))
                .or(() -> names.stream().filter(name -> isShort(wrong, name)).findFirst());
    }

    private static boolean isNear(String wrong, String name) {
        // Two edits make any two letters of any other two.
        int edits = Math.max(Math.min(2, wrong.length() - 2), wrong.length() * 2 / 5);
        return distance(wrong, name) <= edits || (name.contains(wrong) && wrong.length() >= 4);
    }

    /// True if `name` with some letters left out is `wrong`: `bf16` is short for `bfloat16`.
    private static boolean isShort(String wrong, String name) {
        if (wrong.length() < 3 || wrong.startsWith("-") || wrong.charAt(0) != name.charAt(0)) return false;
        int matched = 0;
        for (int i = 0; i < name.length() && matched < wrong.length(); i++) {
            if (name.charAt(i) == wrong.charAt(matched)) matched++;
        }
        return matched == wrong.length();
    }

    /// Levenshtein's distance: insertions, deletions and replacements.
    static int distance(String from, String to) {
        int[] above = new int[to.length() + 1];
        for (int j = 0; j <= to.length(); j++) above[j] = j;
        for (int i = 1; i <= from.length(); i++) {
            int[] row = new int[to.length() + 1];
            row[0] = i;
            for (int j = 1; j <= to.length(); j++) {
                int replaced = above[j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, 1 + Math.min(above[j], row[j - 1]));
            }
            above = row;
        }
        return above[to.length()];
    }
}

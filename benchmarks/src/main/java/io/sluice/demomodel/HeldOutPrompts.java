package io.sluice.demomodel;

import java.util.List;
import java.util.Locale;

/// The hundred prompts that the finished model is judged by (`held-out-prompts.txt`, one a line). No training prompt
/// may contain one of them. Immutable.
record HeldOutPrompts(List<String> prompts, List<String> plain) {

    static HeldOutPrompts load() {
        List<String> prompts = Grammar.text("held-out-prompts.txt")
                .lines()
                .filter(line -> !line.isBlank())
                .toList();
        return new HeldOutPrompts(
                prompts, prompts.stream().map(HeldOutPrompts::plain).toList());
    }

    /// Holds nothing back.
    static HeldOutPrompts none() {
        return new HeldOutPrompts(List.of(), List.of());
    }

    /// Whether a prompt contains a held-out one, whatever its capitals, spaces and marks.
    boolean occursIn(String prompt) {
        String text = plain(prompt);
        return plain.stream().anyMatch(text::contains);
    }

    /// Padded with spaces, so that only whole words are found.
    private static String plain(String text) {
        return " "
                + text.toLowerCase(Locale.ROOT)
                        .replaceAll("[^a-z0-9+*=-]+", " ")
                        .strip() + " ";
    }
}

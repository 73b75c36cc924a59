package io.sluice.modelstore;

import java.util.Locale;
import java.util.regex.Pattern;

/// What string filters and methods do to letters.
final class JinjaTextFilters {
    private static final Pattern WORD = Pattern.compile("[^-\\s({\\[<]+");

    private JinjaTextFilters() {}

    static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    static String capitalized(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return title(text.substring(0, first)) + lower(text.substring(first));
    }

    /// The filter `title`: each word between white space, hyphens and opening brackets.
    static String titled(String text) {
        return WORD.matcher(text)
                .replaceAll(word -> java.util.regex.Matcher.quoteReplacement(upperFirst(word.group())));
    }

    private static String upperFirst(String word) {
        int first = word.offsetByCodePoints(0, 1);
        return upper(word.substring(0, first)) + lower(word.substring(first));
    }

    /// Python's `str.title`: each letter that follows no letter.
    static String titledWords(String text) {
        StringBuilder result = new StringBuilder();
        boolean inWord = false;
        for (int at = 0; at < text.length(); ) {
            int codePoint = text.codePointAt(at);
            String letter = Character.toString(codePoint);
            result.append(inWord ? lower(letter) : title(letter));
            inWord = Character.isLetter(codePoint);
            at += letter.length();
        }
        return result.toString();
    }

    private static String title(String letter) {
        int titled = Character.toTitleCase(letter.codePointAt(0));
        return titled == letter.codePointAt(0) ? upper(letter) : Character.toString(titled);
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }
}

package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Finds special tokens in text: at each place the longest one, from left to right. Immutable; any thread.
final class TokenizerSpecials {
    /// One special token found: `[start, end)` of the text, swallowed white space included.
    record Match(int start, int end, int id) {}

    private final Map<Character, List<TokenizerSpecial>> byFirstChar; // longest first

    TokenizerSpecials(List<TokenizerSpecial> specials) {
        Map<Character, List<TokenizerSpecial>> byFirst = new HashMap<>();
        for (TokenizerSpecial special : specials) {
            if (!special.text().isEmpty()) {
                byFirst.computeIfAbsent(special.text().charAt(0), c -> new ArrayList<>())
                        .add(special);
            }
        }
        byFirst.values()
                .forEach(list -> list.sort(
                        Comparator.comparingInt((TokenizerSpecial s) -> s.text().length())
                                .reversed()));
        byFirstChar = Map.copyOf(byFirst);
    }

    /// The matches in order.
    ///
    /// @param allowed where a token's characters must all lie; null for anywhere
    List<Match> find(String text, @Nullable BitSet allowed) {
        List<Match> matches = new ArrayList<>();
        int from = 0; // end of the last match
        int at = 0;
        while (at < text.length()) {
            TokenizerSpecial special = specialAt(text, at, allowed);
            if (special == null) {
                at++;
                continue;
            }
            int start = special.swallowsBefore() ? whiteSpaceStart(text, from, at) : at;
            int end = at + special.text().length();
            end = special.swallowsAfter() ? whiteSpaceEnd(text, end) : end;
            matches.add(new Match(start, end, special.id()));
            from = end;
            at = end;
        }
        return matches;
    }

    private @Nullable TokenizerSpecial specialAt(String text, int at, @Nullable BitSet allowed) {
        for (TokenizerSpecial special : byFirstChar.getOrDefault(text.charAt(at), List.of())) {
            int end = at + special.text().length();
            if (text.startsWith(special.text(), at)
                    && (allowed == null || allowed.nextClearBit(at) >= end)
                    && (!special.wholeWord() || isWholeWord(text, at, end))) {
                return special;
            }
        }
        return null;
    }

    private static boolean isWholeWord(String text, int start, int end) {
        return (start == 0 || !isWordPart(text.codePointBefore(start)))
                && (end == text.length() || !isWordPart(text.codePointAt(end)));
    }

    private static boolean isWordPart(int codePoint) {
        return Character.isLetterOrDigit(codePoint)
                || codePoint == '_'
                || Character.getType(codePoint) == Character.NON_SPACING_MARK;
    }

    private static int whiteSpaceStart(String text, int from, int end) {
        int start = end;
        while (start > from && isWhiteSpace(text.charAt(start - 1))) {
            start--;
        }
        return start;
    }

    private static int whiteSpaceEnd(String text, int start) {
        int end = start;
        while (end < text.length() && isWhiteSpace(text.charAt(end))) {
            end++;
        }
        return end;
    }

    /// Unicode's white space, all of it in the basic plane.
    private static boolean isWhiteSpace(char c) {
        return Character.isSpaceChar(c) || (c >= '\t' && c <= '\r') || c == 0x85;
    }
}

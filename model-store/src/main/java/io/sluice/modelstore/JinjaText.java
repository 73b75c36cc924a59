package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/// A string that knows of each of its characters whether the template wrote it. Whatever a template does to
/// strings, the knowledge travels along; where it cannot, a character counts as not the template's.
/// Immutable.
///
/// Two texts with the same characters are equal, whoever wrote them.
final class JinjaText {
    private static final BitSet NONE = new BitSet(0);
    static final JinjaText EMPTY = template("");

    private final String text;
    private final BitSet fromTemplate; // per UTF-16 unit; never written to after construction

    private JinjaText(String text, BitSet fromTemplate) {
        this.text = text;
        this.fromTemplate = fromTemplate;
    }

    /// Text that stands in the template, or in the model's own files.
    static JinjaText template(String text) {
        BitSet all = new BitSet(text.length());
        all.set(0, text.length());
        return new JinjaText(text, all);
    }

    /// Text from a request, or of unclear origin.
    static JinjaText user(String text) {
        return new JinjaText(text, NONE);
    }

    /// Puts texts together.
    static final class Builder {
        private final StringBuilder text = new StringBuilder();
        private final BitSet fromTemplate = new BitSet();

        Builder append(JinjaText part) {
            int at = text.length();
            text.append(part.text);
            BitSet bits = part.fromTemplate;
            for (int start = bits.nextSetBit(0); start >= 0; ) {
                int end = bits.nextClearBit(start);
                fromTemplate.set(at + start, at + end);
                start = bits.nextSetBit(end);
            }
            return this;
        }

        int length() {
            return text.length();
        }

        JinjaText build() {
            return new JinjaText(text.toString(), (BitSet) fromTemplate.clone());
        }

        RenderedChat rendered() {
            return new RenderedChat(text.toString(), (BitSet) fromTemplate.clone());
        }
    }

    String text() {
        return text;
    }

    boolean isEmpty() {
        return text.isEmpty();
    }

    /// Length in code points, as Python counts.
    int length() {
        return text.codePointCount(0, text.length());
    }

    /// `[start, end)` in UTF-16 units.
    JinjaText substring(int start, int end) {
        return start == 0 && end == text.length()
                ? this
                : new JinjaText(text.substring(start, end), fromTemplate.get(start, end));
    }

    /// The code point at `index`, which counts code points.
    JinjaText character(int index) {
        int at = text.offsetByCodePoints(0, index);
        return substring(at, at + Character.charCount(text.codePointAt(at)));
    }

    List<JinjaText> characters() {
        List<JinjaText> characters = new ArrayList<>(text.length());
        for (int at = 0; at < text.length(); ) {
            int end = at + Character.charCount(text.codePointAt(at));
            characters.add(substring(at, end));
            at = end;
        }
        return characters;
    }

    JinjaText plus(JinjaText other) {
        return other.isEmpty() ? this : new Builder().append(this).append(other).build();
    }

    JinjaText repeated(int times) {
        Builder builder = new Builder();
        for (int i = 0; i < times; i++) {
            builder.append(this);
        }
        return builder.build();
    }

    static JinjaText join(List<JinjaText> parts, JinjaText separator) {
        Builder builder = new Builder();
        for (int i = 0; i < parts.size(); i++) {
            builder.append(i == 0 ? EMPTY : separator).append(parts.get(i));
        }
        return builder.build();
    }

    /// Changes letters. If that changes how many there are, nobody knows any more who wrote which.
    JinjaText mapped(UnaryOperator<String> change) {
        String changed = change.apply(text);
        boolean uniform = fromTemplate.nextClearBit(0) >= text.length();
        if (uniform) {
            return template(changed);
        }
        return changed.length() == text.length() ? new JinjaText(changed, fromTemplate) : user(changed);
    }

    JinjaText strippedLeft(IntPredicate dropped) {
        int start = 0;
        while (start < text.length() && dropped.test(text.codePointAt(start))) {
            start += Character.charCount(text.codePointAt(start));
        }
        return substring(start, text.length());
    }

    JinjaText strippedRight(IntPredicate dropped) {
        int end = text.length();
        while (end > 0 && dropped.test(text.codePointBefore(end))) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return substring(0, end);
    }

    JinjaText stripped(IntPredicate dropped) {
        return strippedLeft(dropped).strippedRight(dropped);
    }

    /// @param limit how many times at most; negative for no limit
    JinjaText replace(String old, JinjaText replacement, long limit) {
        if (old.isEmpty()) {
            return replaceBetweenCharacters(replacement, limit);
        }
        Builder builder = new Builder();
        int at = 0;
        long done = 0;
        for (int found = text.indexOf(old); found >= 0 && done != limit; found = text.indexOf(old, at)) {
            builder.append(substring(at, found)).append(replacement);
            at = found + old.length();
            done++;
        }
        return done == 0 ? this : builder.append(substring(at, text.length())).build();
    }

    private JinjaText replaceBetweenCharacters(JinjaText replacement, long limit) {
        Builder builder = new Builder();
        long done = 0;
        for (JinjaText character : characters()) {
            builder.append(done++ == limit ? EMPTY : replacement).append(character);
            done = limit >= 0 ? Math.min(done, limit) : done;
        }
        return builder.append(done == limit ? EMPTY : replacement).build();
    }

    /// Pieces between `separator`s, which is not empty.
    ///
    /// @param limit how many cuts at most; negative for no limit
    List<JinjaText> split(String separator, long limit) {
        List<JinjaText> pieces = new ArrayList<>();
        int at = 0;
        for (int found = text.indexOf(separator);
                found >= 0 && pieces.size() != limit;
                found = text.indexOf(separator, at)) {
            pieces.add(substring(at, found));
            at = found + separator.length();
        }
        pieces.add(substring(at, text.length()));
        return pieces;
    }

    /// As `split`, cutting from the end.
    List<JinjaText> splitFromEnd(String separator, long limit) {
        List<JinjaText> pieces = new ArrayList<>();
        int end = text.length();
        for (int found = text.lastIndexOf(separator);
                found >= 0 && pieces.size() != limit;
                found = text.lastIndexOf(separator, end - separator.length())) {
            pieces.addFirst(substring(found + separator.length(), end));
            end = found;
            if (end < separator.length()) {
                break;
            }
        }
        pieces.addFirst(substring(0, end));
        return pieces;
    }

    /// Words between runs of white space.
    ///
    /// @param limit how many cuts at most; negative for no limit
    List<JinjaText> splitAtWhiteSpace(long limit) {
        List<JinjaText> words = new ArrayList<>();
        JinjaText rest = strippedLeft(JinjaText::isWhiteSpace);
        while (!rest.isEmpty()) {
            int end = 0;
            while (end < rest.text.length() && !isWhiteSpace(rest.text.charAt(end))) {
                end++;
            }
            if (words.size() == limit) {
                words.add(rest);
                return words;
            }
            words.add(rest.substring(0, end));
            rest = rest.substring(end, rest.text.length()).strippedLeft(JinjaText::isWhiteSpace);
        }
        return words;
    }

    /// What Python's `str.isspace` accepts.
    static boolean isWhiteSpace(int codePoint) {
        return Character.isWhitespace(codePoint) || Character.isSpaceChar(codePoint) || codePoint == 0x85;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JinjaText that && text.equals(that.text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }
}

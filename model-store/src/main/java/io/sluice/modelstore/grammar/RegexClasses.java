package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.List;

/// The classes of characters that regular expressions name. Dialects differ in what is white space or a
/// line's end: each class has the characters that are in it for all of them, and those that are for any.
/// Constants; any thread.
final class RegexClasses {

    /// @param narrow in the class whatever the dialect
    /// @param wide in the class of some dialect
    record Named(CodePoints narrow, CodePoints wide) {}

    private static final CodePoints DIGITS = CodePoints.of('0', '9');
    private static final CodePoints WORD =
            DIGITS.or(CodePoints.of('a', 'z')).or(CodePoints.of('A', 'Z')).or(CodePoints.of('_'));
    private static final CodePoints SPACE = CodePoints.of('\t', '\r').or(CodePoints.of(' '));
    private static final CodePoints ANY_SPACE = SPACE.or(
                    CodePoints.anyOf("\u0085\u00A0\u1680\u2028\u2029\u202F\u205F\u3000\uFEFF\u180E"))
            .or(CodePoints.of(0x1C, 0x1F))
            .or(CodePoints.of(0x2000, 0x200A));

    /// What `.` stands for.
    static final CodePoints NO_LINE_END =
            CodePoints.anyOf("\n\r\u0085\u2028\u2029").not();

    private RegexClasses() {}

    static Named exactly(CodePoints set) {
        return new Named(set, set);
    }

    /// The class of `\d`, `\D`, `\s`, `\S`, `\w` or `\W`.
    static Named of(char letter) {
        return switch (letter) {
            case 'd' -> exactly(DIGITS);
            case 'D' -> exactly(DIGITS.not());
            case 'w' -> exactly(WORD);
            case 'W' -> exactly(WORD.not());
            case 's' -> new Named(SPACE, ANY_SPACE);
            case 'S' -> new Named(ANY_SPACE.not(), SPACE.not());
            default -> throw new IllegalArgumentException("no class \\" + letter);
        };
    }

    /// The characters of a general category such as `L` or `Nd`; empty if there is no such category.
    static CodePoints property(String name) {
        if (name.isEmpty() || name.length() > 2) return CodePoints.NONE;
        CompilationWork.spend(0x110000);
        List<int[]> ranges = new ArrayList<>();
        for (int c = 0; c <= 0x10FFFF; c++) {
            if (!category(Character.getType(c)).startsWith(name) || (c >= 0xD800 && c <= 0xDFFF)) continue;
            if (!ranges.isEmpty() && ranges.getLast()[1] == c - 1) ranges.getLast()[1] = c;
            else ranges.add(new int[] {c, c});
        }
        return CodePoints.union(ranges);
    }

    private static String category(int type) {
        return switch (type) {
            case Character.UPPERCASE_LETTER -> "Lu";
            case Character.LOWERCASE_LETTER -> "Ll";
            case Character.TITLECASE_LETTER -> "Lt";
            case Character.MODIFIER_LETTER -> "Lm";
            case Character.OTHER_LETTER -> "Lo";
            case Character.NON_SPACING_MARK -> "Mn";
            case Character.ENCLOSING_MARK -> "Me";
            case Character.COMBINING_SPACING_MARK -> "Mc";
            case Character.DECIMAL_DIGIT_NUMBER -> "Nd";
            case Character.LETTER_NUMBER -> "Nl";
            case Character.OTHER_NUMBER -> "No";
            case Character.SPACE_SEPARATOR -> "Zs";
            case Character.LINE_SEPARATOR -> "Zl";
            case Character.PARAGRAPH_SEPARATOR -> "Zp";
            case Character.DASH_PUNCTUATION -> "Pd";
            case Character.START_PUNCTUATION -> "Ps";
            case Character.END_PUNCTUATION -> "Pe";
            case Character.CONNECTOR_PUNCTUATION -> "Pc";
            case Character.OTHER_PUNCTUATION -> "Po";
            case Character.INITIAL_QUOTE_PUNCTUATION -> "Pi";
            case Character.FINAL_QUOTE_PUNCTUATION -> "Pf";
            case Character.MATH_SYMBOL -> "Sm";
            case Character.CURRENCY_SYMBOL -> "Sc";
            case Character.MODIFIER_SYMBOL -> "Sk";
            case Character.OTHER_SYMBOL -> "So";
            case Character.CONTROL -> "Cc";
            case Character.FORMAT -> "Cf";
            case Character.PRIVATE_USE -> "Co";
            default -> "Cn";
        };
    }
}

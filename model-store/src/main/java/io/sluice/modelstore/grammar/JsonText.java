package io.sluice.modelstore.grammar;

import static io.sluice.modelstore.grammar.Regex.UNBOUNDED;

import java.util.List;

/// How JSON is written: compact, with at most one space after a comma or a colon, so that no model can go on
/// with blanks for ever. Constants; any thread.
final class JsonText {

    /// Characters that stand for themselves in a string.
    static final CodePoints PLAIN =
            CodePoints.of(0x20, 0x10FFFF).and(CodePoints.ALL).minus(CodePoints.anyOf("\"\\"));

    private static final Expression SPACE = Expression.optional(new Expression.Literal(" "));
    static final Expression COMMA = Expression.sequence(new Expression.Literal(","), SPACE);
    static final Expression COLON = Expression.sequence(new Expression.Literal(":"), SPACE);

    private static final CodePoints HEX =
            CodePoints.of('0', '9').or(CodePoints.of('a', 'f')).or(CodePoints.of('A', 'F'));

    /// One character of a string, in any of its spellings. Escapes of surrogates come in pairs only.
    static final Expression STRING_CHARACTER = new Expression.Choice(List.of(
            new Expression.Letter(PLAIN),
            Expression.sequence(new Expression.Literal("\\"), new Expression.Letter(CodePoints.anyOf("\"\\/bfnrt"))),
            unicodeEscape(HEX.minus(CodePoints.anyOf("dD")), HEX),
            unicodeEscape(CodePoints.anyOf("dD"), CodePoints.of('0', '7')),
            Expression.sequence(
                    unicodeEscape(CodePoints.anyOf("dD"), CodePoints.anyOf("89abAB")),
                    unicodeEscape(CodePoints.anyOf("dD"), CodePoints.anyOf("cdefCDEF")))));

    /// One character of a string whose length is counted: fewer spellings, for fewer states.
    static final Expression COUNTED_CHARACTER = new Expression.Choice(List.of(
            new Expression.Letter(PLAIN),
            Expression.sequence(new Expression.Literal("\\"), new Expression.Letter(CodePoints.anyOf("\"\\/bfnrt")))));

    static final Expression STRING = Expression.sequence(
            new Expression.Literal("\""), Expression.any(STRING_CHARACTER), new Expression.Literal("\""));

    private static final Regex DIGIT = Regex.range('0', '9');

    /// At most 19 digits, so that no number goes on for ever; a few more than a 64-bit integer needs.
    private static final Regex WHOLE =
            Regex.either(Regex.literal("0"), Regex.concat(Regex.range('1', '9'), Regex.repeat(DIGIT, 0, 18)));

    private static final Regex MINUS = Regex.repeat(Regex.literal("-"), 0, 1);
    static final Expression INTEGER = new Expression.Text(Dfa.whole(Regex.concat(MINUS, WHOLE)));

    /// With an exponent of two digits it is a finite number in double precision.
    static final Expression NUMBER = new Expression.Text(Dfa.whole(Regex.concat(
            MINUS,
            WHOLE,
            Regex.repeat(Regex.concat(Regex.literal("."), Regex.repeat(DIGIT, 1, 20)), 0, 1),
            Regex.repeat(
                    Regex.concat(
                            new Regex.Chars(CodePoints.anyOf("eE")),
                            Regex.repeat(new Regex.Chars(CodePoints.anyOf("+-")), 0, 1),
                            Regex.repeat(DIGIT, 1, 2)),
                    0,
                    1))));

    static final Expression BOOLEAN =
            new Expression.Choice(List.of(new Expression.Literal("true"), new Expression.Literal("false")));
    static final Expression NULL = new Expression.Literal("null");

    private JsonText() {}

    private static Expression unicodeEscape(CodePoints first, CodePoints second) {
        return Expression.sequence(
                new Expression.Literal("\\u"),
                new Expression.Letter(first),
                new Expression.Letter(second),
                new Expression.Repeat(new Expression.Letter(HEX), 2, 2));
    }

    /// Between brackets: `item`s, from `min` to `max`.
    static Expression array(Expression item, int min, int max) {
        if (max == 0) return new Expression.Literal("[]");
        Expression rest = new Expression.Repeat(
                Expression.sequence(COMMA, item), Math.max(0, min - 1), max == UNBOUNDED ? max : max - 1);
        Expression items = Expression.sequence(item, rest);
        return brackets("[", min == 0 ? Expression.optional(items) : items, "]");
    }

    static Expression brackets(String open, Expression inside, String close) {
        return Expression.sequence(new Expression.Literal(open), inside, new Expression.Literal(close));
    }

    /// A string's text as it stands in a document, without quotes.
    static String escaped(String text) {
        StringBuilder json = new StringBuilder();
        text.codePoints()
                .forEach(c -> json.append(PLAIN.and(CodePoints.of(c)).isEmpty() ? escape(c) : Character.toString(c)));
        return json.toString();
    }

    static String quoted(String text) {
        return '"' + escaped(text) + '"';
    }

    /// How a character is written that does not stand for itself.
    static String escape(int c) {
        return switch (c) {
            case '"' -> "\\\"";
            case '\\' -> "\\\\";
            case '\b' -> "\\b";
            case '\f' -> "\\f";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> "\\u%04x".formatted(c);
        };
    }
}

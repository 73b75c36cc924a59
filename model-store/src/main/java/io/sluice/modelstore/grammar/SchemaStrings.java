package io.sluice.modelstore.grammar;

import static io.sluice.modelstore.grammar.Regex.UNBOUNDED;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Writes strings of a schema as a grammar. One thread.
final class SchemaStrings {

    /// Characters that are counted one by one; of more, blocks of so many are counted.
    private static final int BLOCK = 32;

    private final SchemaFacets facets;
    private final Rules rules;
    private final int min;
    private final int max;

    SchemaStrings(SchemaFacets facets, Rules rules) {
        this.facets = facets;
        this.rules = rules;
        min = facets.lower("minLength");
        max = facets.upper("maxLength");
    }

    Expression expression() {
        if (max < min) return Expression.NOTHING;
        Dfa shape = shape();
        if (shape != null) return new Expression.Quoted(shape);
        if (min == 0 && max == UNBOUNDED) return rules.string();
        return JsonText.brackets("\"", counted(), "\"");
    }

    /// True if it is a string that all keywords allow.
    boolean allows(String text) {
        int length = text.codePointCount(0, text.length());
        if (length < min || length > max) return false;
        return patterns().stream().allMatch(dfa -> dfa.accepts(text));
    }

    /// The strings that patterns and formats leave, with their lengths; null if there are neither.
    @Nullable
    Dfa shape() {
        Dfa shape = null;
        for (Dfa pattern : patterns()) shape = shape == null ? pattern : shape.and(pattern);
        if (shape == null || (min == 0 && max == UNBOUNDED)) return shape;
        return shape.and(Dfa.whole(Regex.repeat(new Regex.Chars(CodePoints.ALL), min, max)));
    }

    private List<Dfa> patterns() {
        List<Dfa> patterns = new ArrayList<>();
        for (String pattern : facets.texts("pattern")) patterns.add(Dfa.of(RegexParser.parse(pattern), true));
        for (String format : facets.texts("format")) patterns.add(SchemaFormats.automaton(format));
        return patterns;
    }

    /// From `min` to `max` characters. Many are read in blocks by a rule of their own: as many whole ones as
    /// fit, then the rest.
    private Expression counted() {
        Expression character = JsonText.COUNTED_CHARACTER;
        if (max == UNBOUNDED) {
            return Expression.sequence(exactly(min), Expression.any(JsonText.STRING_CHARACTER));
        }
        int blocksMin = min / BLOCK;
        int blocksMax = max / BLOCK;
        if (blocksMax - blocksMin <= 1 && max <= 2 * BLOCK) return new Expression.Repeat(character, min, max);
        Expression block = block();
        if (blocksMin == blocksMax) {
            return Expression.sequence(
                    new Expression.Repeat(block, blocksMin, blocksMin),
                    new Expression.Repeat(character, min % BLOCK, max % BLOCK));
        }
        int between = blocksMax - blocksMin - 1; // whole blocks after which the rest may have any length
        Expression few = new Expression.Repeat(character, min % BLOCK, BLOCK - 1);
        Expression most = Expression.sequence(
                new Expression.Repeat(block, between + 1, between + 1),
                new Expression.Repeat(character, 0, max % BLOCK));
        List<Expression> options = new ArrayList<>(List.of(few, most));
        if (between > 0) {
            options.add(Expression.sequence(
                    new Expression.Repeat(block, 1, between), new Expression.Repeat(character, 0, BLOCK - 1)));
        }
        return Expression.sequence(new Expression.Repeat(block, blocksMin, blocksMin), new Expression.Choice(options));
    }

    private Expression exactly(int length) {
        return length < 2 * BLOCK
                ? new Expression.Repeat(JsonText.COUNTED_CHARACTER, length, length)
                : Expression.sequence(
                        new Expression.Repeat(block(), length / BLOCK, length / BLOCK),
                        new Expression.Repeat(JsonText.COUNTED_CHARACTER, length % BLOCK, length % BLOCK));
    }

    private Expression block() {
        return rules.shared("block", () -> new Expression.Repeat(JsonText.COUNTED_CHARACTER, BLOCK, BLOCK));
    }
}

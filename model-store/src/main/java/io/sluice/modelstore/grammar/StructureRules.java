package io.sluice.modelstore.grammar;

import java.util.List;

/// Writes a wanted structure as a grammar. Any thread.
final class StructureRules {
    private final Rules rules = new Rules();
    private final TokenVocabulary vocabulary;

    private StructureRules(TokenVocabulary vocabulary) {
        this.vocabulary = vocabulary;
    }

    static Grammar grammar(Structure structure, TokenVocabulary vocabulary) {
        StructureRules all = new StructureRules(vocabulary);
        int root = all.rules.reserve();
        all.rules.set(root, all.expression(structure));
        return all.rules.grammar();
    }

    private Expression expression(Structure structure) {
        return switch (structure) {
            case Structure.JsonObject _ -> rules.object();
            case Structure.JsonSchema(String schema) -> SchemaRules.add(schema, rules);
            case Structure.Matching(String regex) -> new Expression.Text(Dfa.whole(RegexParser.parse(regex)));
            case Structure.OneOf(List<String> texts) -> choice(texts);
            case Structure.Written(String grammar) -> GbnfParser.add(grammar, rules);
            case Structure.Marker marker -> marker(marker);
            case Structure.Until(var markers, Structure.Marker found) -> until(markers, found);
            case Structure.Without(var markers) -> new Expression.Text(without(markers));
            case Structure.Repeated(Structure part) -> Expression.any(expression(part));
            case Structure.Joined(var parts) ->
                new Expression.Sequence(parts.stream().map(this::expression).toList());
            case Structure.Either(var options) ->
                new Expression.Choice(options.stream().map(this::expression).toList());
        };
    }

    private Expression marker(Structure.Marker marker) {
        String text = marker.text();
        return vocabulary.hasSpecial(text) ? new Expression.Special(text) : new Expression.Literal(text);
    }

    /// No text can be a special token: before one there is any text without the others.
    private Expression until(List<Structure.Marker> markers, Structure.Marker found) {
        if (vocabulary.hasSpecial(found.text())) {
            return Expression.sequence(new Expression.Text(without(markers)), marker(found));
        }
        Dfa first = Dfa.whole(Regex.concat(Regex.ANY, new Regex.Alternatives(literals(markers))))
                .endingAtOnce();
        return new Expression.Text(first.and(Dfa.whole(Regex.concat(Regex.ANY, Regex.literal(found.text())))));
    }

    private Dfa without(List<Structure.Marker> markers) {
        Dfa any = Dfa.whole(Regex.ANY);
        List<Regex> literals = literals(markers);
        return literals.isEmpty() ? any : any.minus(Dfa.of(new Regex.Alternatives(literals), true));
    }

    /// The markers that are text.
    private List<Regex> literals(List<Structure.Marker> markers) {
        return markers.stream()
                .map(Structure.Marker::text)
                .filter(text -> !vocabulary.hasSpecial(text))
                .map(Regex::literal)
                .toList();
    }

    private static Expression choice(List<String> texts) {
        if (texts.isEmpty()) throw new GrammarException("there is nothing to choose from");
        int characters = texts.stream().mapToInt(String::length).sum();
        if (characters > GrammarLimits.SOURCE_CHARS_MAX) {
            throw GrammarLimits.over("characters in choices", GrammarLimits.SOURCE_CHARS_MAX);
        }
        return new Expression.Choice(
                texts.stream().<Expression>map(Expression.Literal::new).toList());
    }
}

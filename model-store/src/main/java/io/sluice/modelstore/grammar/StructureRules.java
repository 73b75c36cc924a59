package io.sluice.modelstore.grammar;

import java.util.List;

/// Writes a wanted structure as a grammar. Any thread.
final class StructureRules {
    private final Rules rules = new Rules();

    private StructureRules() {}

    static Grammar grammar(Structure structure) {
        StructureRules all = new StructureRules();
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
            case Structure.Joined(var parts) ->
                new Expression.Sequence(parts.stream().map(this::expression).toList());
            case Structure.Either(var options) ->
                new Expression.Choice(options.stream().map(this::expression).toList());
        };
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

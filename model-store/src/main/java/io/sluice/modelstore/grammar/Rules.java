package io.sluice.modelstore.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// The rules of a grammar that is being written. One thread.
final class Rules {
    private final List<Expression> rules = new ArrayList<>();
    private final Map<String, Integer> shared = new HashMap<>();
    private final Map<JsonNode, Integer> scopes = new HashMap<>();

    /// The number of a rule whose right side comes later.
    int reserve() {
        if (rules.size() == GrammarLimits.RULES_MAX) throw GrammarLimits.over("rules", GrammarLimits.RULES_MAX);
        rules.add(Expression.EMPTY);
        return rules.size() - 1;
    }

    void set(int rule, Expression expression) {
        rules.set(rule, expression);
    }

    /// The rule that is known by `name`; it is written when first asked for, and may call itself.
    Expression shared(String name, Supplier<Expression> expression) {
        Integer known = shared.get(name);
        if (known != null) return new Expression.Call(known);
        int rule = reserve();
        shared.put(name, rule);
        set(rule, expression.get());
        return new Expression.Call(rule);
    }

    Grammar grammar() {
        return new Grammar(rules);
    }

    Expression string() {
        return shared("string", () -> JsonText.STRING);
    }

    Expression number() {
        return shared("number", () -> JsonText.NUMBER);
    }

    Expression integer() {
        return shared("integer", () -> JsonText.INTEGER);
    }

    /// A short name for a document whose rules shall be kept apart from those of others.
    String scope(JsonNode document) {
        return scopes.computeIfAbsent(document, _ -> scopes.size()) + "\n";
    }

    /// Any JSON object.
    Expression object() {
        return shared("object", () -> {
            Expression member = Expression.sequence(string(), JsonText.COLON, value());
            return JsonText.brackets("{", new Expression.Members(List.of(), List.of(member), 0, Regex.UNBOUNDED), "}");
        });
    }

    /// Any JSON array.
    Expression array() {
        return shared("array", () -> JsonText.array(value(), 0, Regex.UNBOUNDED));
    }

    /// Any JSON value.
    Expression value() {
        return shared(
                "value",
                () -> new Expression.Choice(
                        List.of(object(), array(), string(), number(), JsonText.BOOLEAN, JsonText.NULL)));
    }
}

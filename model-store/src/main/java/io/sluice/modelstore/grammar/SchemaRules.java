package io.sluice.modelstore.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// Writes a JSON schema as a grammar of the documents that it allows. Where a schema leaves the choice, the
/// grammar has the usual form: members in the schema's order, no members but the declared ones unless
/// `additionalProperties` asks for more. One use, one thread.
final class SchemaRules {
    private final SchemaDocument document;
    private final Rules rules;
    private final String scope; // keeps the rules of several schemas in one grammar apart
    private int depth;

    private SchemaRules(SchemaDocument document, Rules rules, String scope) {
        this.document = document;
        this.rules = rules;
        this.scope = scope;
    }

    /// Adds a schema's rules.
    ///
    /// @return what calls them
    /// @throws GrammarException if the schema is wrong, over a limit, or uses what is not supported
    static Expression add(String schema, Rules rules) {
        SchemaDocument document = SchemaDocument.parse(schema);
        return new SchemaRules(document, rules, rules.scope(document.root())).value(List.of(document.root()));
    }

    Rules rules() {
        return rules;
    }

    /// A value that all of `schemas` allow.
    Expression value(List<JsonNode> schemas) {
        List<JsonNode> all = document.flattened(schemas);
        if (all.stream().anyMatch(SchemaRules::isFalse)) return Expression.NOTHING;
        String name = scope + all.stream().map(JsonNode::toString).collect(Collectors.joining("\n"));
        CompilationWork.spend(2L * name.length());
        if (++depth > GrammarLimits.REFERENCES_DEPTH_MAX) {
            throw GrammarLimits.over("schemas within each other", GrammarLimits.REFERENCES_DEPTH_MAX);
        }
        Expression value = rules.shared(name, () -> alternatives(all, 0));
        depth--;
        return value;
    }

    static boolean isFalse(JsonNode schema) {
        return schema.isBoolean() && !schema.booleanValue();
    }

    /// Takes the first `anyOf` or `oneOf` apart, until there is none.
    private Expression alternatives(List<JsonNode> all, int depth) {
        if (depth > GrammarLimits.DEPTH_MAX) throw GrammarLimits.over("nested alternatives", GrammarLimits.DEPTH_MAX);
        for (String keyword : List.of("anyOf", "oneOf")) {
            for (int i = 0; i < all.size(); i++) {
                if (!all.get(i).has(keyword)) continue;
                List<JsonNode> options = SchemaDocument.members(all.get(i), keyword);
                if (keyword.equals("oneOf")) new SchemaOverlap(document).refuse(options);
                return choice(all, i, keyword, options, depth);
            }
        }
        return plain(new SchemaFacets(all));
    }

    private Expression choice(List<JsonNode> all, int index, String keyword, List<JsonNode> options, int depth) {
        List<Expression> expressions = new ArrayList<>();
        for (JsonNode option : options) {
            List<JsonNode> schemas = new ArrayList<>(all);
            schemas.set(index, SchemaFacets.without(all.get(index), keyword));
            schemas.add(option);
            List<JsonNode> flat = document.flattened(schemas);
            if (flat.stream().anyMatch(SchemaRules::isFalse)) continue;
            boolean alone = depth == 0 && flat.size() == 1;
            expressions.add(alone ? value(flat) : alternatives(flat, depth + 1));
            if (expressions.size() > GrammarLimits.ALTERNATIVES_MAX) {
                throw GrammarLimits.over("alternatives in one place", GrammarLimits.ALTERNATIVES_MAX);
            }
        }
        return new Expression.Choice(expressions);
    }

    /// Schemas without alternatives.
    private Expression plain(SchemaFacets facets) {
        Set<String> types = facets.types();
        if (facets.hasValues()) return literals(facets, types);
        List<Expression> options = new ArrayList<>();
        for (String type : types) options.add(ofType(type, facets));
        return options.size() == 1 ? options.getFirst() : new Expression.Choice(options);
    }

    private Expression ofType(String type, SchemaFacets facets) {
        return switch (type) {
            case "null" -> JsonText.NULL;
            case "boolean" -> JsonText.BOOLEAN;
            case "string" -> new SchemaStrings(facets, rules).expression();
            case "integer", "number" -> new SchemaNumbers(facets, rules).expression(type.equals("integer"));
            case "array" -> new SchemaArrays(facets, this).expression();
            case "object" -> new SchemaObjects(facets, this).expression();
            default -> throw new GrammarException("the schema names the unknown type \"" + type + "\"");
        };
    }

    /// The values of `enum` and `const` that the other keywords allow too.
    private Expression literals(SchemaFacets facets, Set<String> types) {
        List<Expression> options = new ArrayList<>();
        for (JsonNode value : facets.values()) {
            if (allows(value, facets, types)) options.add(literal(value));
        }
        return new Expression.Choice(options);
    }

    private boolean allows(JsonNode value, SchemaFacets facets, Set<String> types) {
        String type = SchemaFacets.typeOf(value);
        boolean typed = types.contains(type) || (type.equals("integer") && types.contains("number"));
        if (!typed) return false;
        return switch (type) {
            case "string" -> new SchemaStrings(facets, rules).allows(value.textValue());
            case "integer", "number" -> new SchemaNumbers(facets, rules).allows(value.decimalValue());
            case "object", "array" -> {
                if (!facets.restricts(type)) yield true;
                throw new GrammarException("the schema's enum or const holds an " + type
                        + " and stands beside other keywords for " + type + "s: that is not supported");
            }
            default -> true;
        };
    }

    private static Expression literal(JsonNode value) {
        if (value.isObject()) {
            List<Expression.Member> members = new ArrayList<>();
            value.properties()
                    .forEach(entry -> members.add(new Expression.Member(
                            Expression.sequence(
                                    new Expression.Literal(JsonText.quoted(entry.getKey())),
                                    JsonText.COLON,
                                    literal(entry.getValue())),
                            true)));
            return JsonText.brackets("{", new Expression.Members(members, List.of(), 0, Regex.UNBOUNDED), "}");
        }
        if (value.isArray()) {
            List<Expression> parts = new ArrayList<>();
            for (JsonNode item : value) {
                if (!parts.isEmpty()) parts.add(JsonText.COMMA);
                parts.add(literal(item));
            }
            return JsonText.brackets("[", new Expression.Sequence(parts), "]");
        }
        return new Expression.Literal(value.isTextual() ? JsonText.quoted(value.textValue()) : value.toString());
    }
}

package io.sluice.modelstore.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// What schemas that all must hold say together: their keywords, once alternatives and references are
/// resolved. One thread.
final class SchemaFacets {
    private static final List<String> TYPES =
            List.of("object", "array", "string", "number", "integer", "boolean", "null");

    private final List<JsonNode> all;

    SchemaFacets(List<JsonNode> all) {
        this.all = all;
    }

    List<JsonNode> all() {
        return all;
    }

    /// The same schema without a keyword that was dealt with.
    static JsonNode without(JsonNode schema, String keyword) {
        ObjectNode rest = schema.deepCopy();
        rest.remove(keyword);
        return rest;
    }

    /// The types that are allowed, `integer` only where `number` is not. If none is named, those that other
    /// keywords speak of; if there are none either, all.
    Set<String> types() {
        Set<String> types = null;
        for (JsonNode schema : all) {
            JsonNode named = schema.get("type");
            if (named != null) types = types == null ? named(named) : common(types, named(named));
        }
        if (types == null) types = hasValues() ? new LinkedHashSet<>(TYPES) : spokenOf();
        if (types.contains("number")) types.remove("integer");
        return types;
    }

    private static Set<String> named(JsonNode type) {
        Set<String> names = new LinkedHashSet<>();
        if (type.isArray()) type.forEach(name -> names.add(name.asText()));
        else names.add(type.asText());
        for (String name : names) {
            if (!TYPES.contains(name)) throw new GrammarException("the schema names the unknown type \"" + name + "\"");
        }
        return names;
    }

    private static Set<String> common(Set<String> some, Set<String> others) {
        Set<String> both = new LinkedHashSet<>();
        for (String type : TYPES) {
            boolean mine = some.contains(type) || (type.equals("integer") && some.contains("number"));
            boolean theirs = others.contains(type) || (type.equals("integer") && others.contains("number"));
            if (mine && theirs) both.add(type);
        }
        return both;
    }

    private Set<String> spokenOf() {
        Set<String> types = new LinkedHashSet<>();
        for (JsonNode schema : all) {
            schema.fieldNames().forEachRemaining(keyword -> {
                if (SchemaKeywords.restricts(keyword)) types.add(SchemaKeywords.typeOf(keyword));
            });
        }
        return types.isEmpty() ? new LinkedHashSet<>(TYPES) : types;
    }

    /// True if a keyword restricts values of this type.
    boolean restricts(String type) {
        for (JsonNode schema : all) {
            for (String keyword : (Iterable<String>) schema::fieldNames) {
                if (SchemaKeywords.typeOf(keyword).equals(type)) return true;
            }
        }
        return false;
    }

    /// True if the values are listed.
    boolean hasValues() {
        return all.stream().anyMatch(schema -> schema.has("enum") || schema.has("const"));
    }

    /// The values that every `enum` and `const` has.
    List<JsonNode> values() {
        List<JsonNode> values = null;
        for (JsonNode schema : all) {
            for (String keyword : List.of("enum", "const")) {
                if (!schema.has(keyword)) continue;
                List<JsonNode> listed =
                        keyword.equals("enum") ? SchemaDocument.members(schema, keyword) : List.of(schema.get(keyword));
                if (values == null) values = new ArrayList<>(listed);
                else values.removeIf(value -> listed.stream().noneMatch(other -> isSame(value, other)));
            }
        }
        return values == null ? List.of() : values;
    }

    static boolean isSame(JsonNode a, JsonNode b) {
        CompilationWork.spend(8);
        if (a.isNumber() && b.isNumber()) return a.decimalValue().compareTo(b.decimalValue()) == 0;
        return a.equals(b);
    }

    /// The type of a value; numbers without a fraction are integers.
    static String typeOf(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> "object";
            case ARRAY -> "array";
            case STRING -> "string";
            case BOOLEAN -> "boolean";
            case NULL -> "null";
            case NUMBER -> value.decimalValue().stripTrailingZeros().scale() <= 0 ? "integer" : "number";
            case BINARY, MISSING, POJO -> throw new IllegalStateException("no JSON: " + value);
        };
    }

    /// The largest value of a keyword that sets a lower limit to a count.
    int lower(String keyword) {
        long lower = 0;
        for (JsonNode schema : all) if (schema.has(keyword)) lower = Math.max(lower, count(schema, keyword));
        if (lower > Integer.MAX_VALUE / 2) throw GrammarLimits.over("for " + keyword, Integer.MAX_VALUE / 2);
        return (int) lower;
    }

    /// The smallest value of a keyword that sets an upper limit to a count; `Regex.UNBOUNDED` if there is none.
    int upper(String keyword) {
        long upper = Regex.UNBOUNDED;
        for (JsonNode schema : all) if (schema.has(keyword)) upper = Math.min(upper, count(schema, keyword));
        return (int) upper;
    }

    private static long count(JsonNode schema, String keyword) {
        JsonNode value = schema.get(keyword);
        boolean whole =
                value.isNumber() && value.decimalValue().stripTrailingZeros().scale() <= 0;
        if (!whole || value.decimalValue().signum() < 0) {
            throw new GrammarException(
                    "the schema's " + keyword + " must be a whole number of at least 0, not " + value);
        }
        return value.decimalValue().min(BigDecimal.valueOf(Integer.MAX_VALUE)).longValueExact();
    }

    List<BigDecimal> numbers(String keyword) {
        List<BigDecimal> numbers = new ArrayList<>();
        for (JsonNode schema : all) {
            JsonNode value = schema.get(keyword);
            if (value == null) continue;
            if (!value.isNumber())
                throw new GrammarException("the schema's " + keyword + " must be a number, not " + value);
            numbers.add(value.decimalValue());
        }
        return numbers;
    }

    List<String> texts(String keyword) {
        List<String> texts = new ArrayList<>();
        for (JsonNode schema : all) {
            JsonNode value = schema.get(keyword);
            if (value == null) continue;
            if (!value.isTextual())
                throw new GrammarException("the schema's " + keyword + " must be a text, not " + value);
            texts.add(value.textValue());
        }
        return texts;
    }

    boolean isTrue(String keyword) {
        return all.stream().anyMatch(schema -> schema.path(keyword).asBoolean(false));
    }
}

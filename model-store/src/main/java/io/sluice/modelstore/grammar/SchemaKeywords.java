package io.sluice.modelstore.grammar;

import java.util.Map;
import java.util.Set;

/// Which keywords of JSON Schema mean something here, and which are refused: none is ever passed over that
/// would forbid something. Constants; any thread.
final class SchemaKeywords {

    /// They describe and forbid nothing.
    private static final Set<String> ANNOTATIONS = Set.of(
            "$schema",
            "$id",
            "$comment",
            "$defs",
            "definitions",
            "$vocabulary",
            "title",
            "description",
            "default",
            "example",
            "examples",
            "deprecated",
            "readOnly",
            "writeOnly",
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
            "discriminator");

    private static final Set<String> GENERAL = Set.of("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref");

    private static final Map<String, String> TYPE_OF = Map.ofEntries(
            Map.entry("properties", "object"),
            Map.entry("patternProperties", "object"),
            Map.entry("additionalProperties", "object"),
            Map.entry("propertyNames", "object"),
            Map.entry("required", "object"),
            Map.entry("minProperties", "object"),
            Map.entry("maxProperties", "object"),
            Map.entry("items", "array"),
            Map.entry("prefixItems", "array"),
            Map.entry("minItems", "array"),
            Map.entry("maxItems", "array"),
            Map.entry("uniqueItems", "array"),
            Map.entry("minLength", "string"),
            Map.entry("maxLength", "string"),
            Map.entry("pattern", "string"),
            Map.entry("format", "string"),
            Map.entry("minimum", "number"),
            Map.entry("maximum", "number"),
            Map.entry("exclusiveMinimum", "number"),
            Map.entry("exclusiveMaximum", "number"),
            Map.entry("multipleOf", "number"));

    private SchemaKeywords() {}

    static boolean isAnnotation(String keyword) {
        return ANNOTATIONS.contains(keyword) || keyword.startsWith("x-");
    }

    /// True if it restricts values of the type that `typeOf` names.
    static boolean restricts(String keyword) {
        return TYPE_OF.containsKey(keyword);
    }

    static String typeOf(String keyword) {
        return TYPE_OF.getOrDefault(keyword, "");
    }

    /// @throws GrammarException if the keyword would be passed over
    static void refuseUnsupported(String keyword) {
        if (isAnnotation(keyword) || GENERAL.contains(keyword) || restricts(keyword)) return;
        throw new GrammarException("the schema's keyword \"" + keyword + "\" is not supported");
    }
}

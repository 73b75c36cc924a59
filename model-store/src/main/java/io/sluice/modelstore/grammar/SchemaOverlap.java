package io.sluice.modelstore.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Decides whether alternatives exclude each other for certain: then `oneOf` is the same as `anyOf`. One
/// thread.
final class SchemaOverlap {
    private final SchemaDocument document;

    SchemaOverlap(SchemaDocument document) {
        this.document = document;
    }

    /// @throws GrammarException if a value may be allowed by two of them
    void refuse(List<JsonNode> options) {
        List<SchemaFacets> facets = new ArrayList<>();
        for (JsonNode option : options) facets.add(facets(option));
        for (int i = 0; i < facets.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (excludeEachOther(facets.get(i), facets.get(j), 0)) continue;
                throw new GrammarException("the schema's oneOf has alternatives that may overlap (" + (j + 1) + " and "
                        + (i + 1) + "); use anyOf, or give each a required property with another const");
            }
        }
    }

    private SchemaFacets facets(JsonNode schema) {
        return new SchemaFacets(document.flattened(List.of(schema)));
    }

    private boolean excludeEachOther(SchemaFacets some, SchemaFacets others, int depth) {
        if (some.all().isEmpty() || others.all().isEmpty()) return false;
        if (some.hasValues() && others.hasValues()) {
            return some.values().stream()
                    .noneMatch(value -> others.values().stream().anyMatch(other -> SchemaFacets.isSame(value, other)));
        }
        if (types(some).stream().noneMatch(types(others)::contains)) return true;
        if (depth > 1 || !types(some).equals(Set.of("object")) || !types(others).equals(Set.of("object"))) return false;
        for (String name : required(some)) {
            if (!required(others).contains(name)) continue;
            if (excludeEachOther(property(some, name), property(others, name), depth + 1)) return true;
        }
        return false;
    }

    /// The types that are allowed in so many words; all, if none is named.
    private static Set<String> types(SchemaFacets facets) {
        Set<String> types = new HashSet<>();
        if (facets.hasValues()) facets.values().forEach(value -> types.add(SchemaFacets.typeOf(value)));
        else
            types.addAll(new SchemaFacets(
                            facets.all().stream().filter(s -> s.has("type")).toList())
                    .types());
        if (types.contains("number")) types.add("integer");
        return types;
    }

    private static Set<String> required(SchemaFacets facets) {
        Set<String> names = new HashSet<>();
        for (JsonNode schema : facets.all()) schema.path("required").forEach(name -> names.add(name.asText()));
        return names;
    }

    private SchemaFacets property(SchemaFacets facets, String name) {
        List<JsonNode> schemas = new ArrayList<>();
        for (JsonNode schema : facets.all()) {
            JsonNode property = schema.path("properties").get(name);
            if (property != null) schemas.add(property);
        }
        return new SchemaFacets(document.flattened(schemas));
    }
}

package io.sluice.modelstore.grammar;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A schema as it was written, and what its references mean. One thread.
final class SchemaDocument {
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(GrammarLimits.DEPTH_MAX)
                            .maxNumberLength(100)
                            .build())
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final JsonNode root;

    private SchemaDocument(JsonNode root) {
        this.root = root;
    }

    static SchemaDocument parse(String schema) {
        if (schema.length() > GrammarLimits.SOURCE_CHARS_MAX) {
            throw GrammarLimits.over("characters of a schema", GrammarLimits.SOURCE_CHARS_MAX);
        }
        try {
            return new SchemaDocument(MAPPER.readTree(schema));
        } catch (JacksonException e) {
            throw new GrammarException("the schema is not valid JSON: " + e.getOriginalMessage());
        }
    }

    JsonNode root() {
        return root;
    }

    /// The schemas that all must hold where all of `schemas` must: references are followed, `allOf` is taken
    /// apart.
    List<JsonNode> flattened(List<JsonNode> schemas) {
        Map<String, JsonNode> all = new LinkedHashMap<>(); // by their text: the same schema twice says nothing new
        for (JsonNode schema : schemas) flatten(schema, all, new ArrayList<>());
        return List.copyOf(all.values());
    }

    private void flatten(JsonNode schema, Map<String, JsonNode> all, List<String> references) {
        if (schema.isBoolean()) {
            if (!schema.booleanValue()) all.put("false", schema);
            return;
        }
        if (!schema.isObject()) throw new GrammarException("a schema must be an object, true or false, not " + schema);
        schema.fieldNames().forEachRemaining(SchemaKeywords::refuseUnsupported);
        JsonNode reference = schema.get("$ref");
        if (reference != null) {
            String target = reference.asText();
            if (references.contains(target)) {
                throw new GrammarException("the schema's $ref \"" + target + "\" refers to itself and nothing else");
            }
            if (references.size() == GrammarLimits.REFERENCES_DEPTH_MAX) {
                throw GrammarLimits.over("references that lead to each other", GrammarLimits.REFERENCES_DEPTH_MAX);
            }
            references.add(target);
            flatten(resolve(target), all, references);
            references.remove(target);
        }
        for (JsonNode part : members(schema, "allOf")) flatten(part, all, references);
        if (all.size() > GrammarLimits.ALTERNATIVES_MAX) {
            throw GrammarLimits.over("schemas under one allOf", GrammarLimits.ALTERNATIVES_MAX);
        }
        String text = schema.toString();
        CompilationWork.spend(16 + 4L * text.length());
        all.putIfAbsent(text, schema);
    }

    /// The schemas in `keyword`, which must be a list of at least one if it is there.
    static List<JsonNode> members(JsonNode schema, String keyword) {
        JsonNode list = schema.get(keyword);
        if (list == null) return List.of();
        if (!list.isArray() || list.isEmpty()) {
            throw new GrammarException("the schema's keyword \"" + keyword + "\" must be a list of at least one");
        }
        List<JsonNode> members = new ArrayList<>();
        list.forEach(members::add);
        return members;
    }

    private JsonNode resolve(String reference) {
        if (!reference.startsWith("#")) {
            throw new GrammarException("the schema's $ref \"" + reference
                    + "\" is not supported: only references within the schema are, such as #/$defs/NAME");
        }
        String pointer = URLDecoder.decode(reference.substring(1).replace("+", "%2B"), StandardCharsets.UTF_8);
        try {
            JsonNode target = root.at(JsonPointer.compile(pointer));
            if (!target.isMissingNode()) return target;
        } catch (IllegalArgumentException e) {
            throw new GrammarException("the schema's $ref \"" + reference + "\" is no JSON pointer");
        }
        throw new GrammarException("the schema's $ref \"" + reference + "\" leads nowhere");
    }
}

package io.sluice.modelstore.grammar;

import static io.sluice.modelstore.grammar.Regex.UNBOUNDED;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import java.util.ArrayList;
import java.util.List;

/// Writes arrays of a schema as a grammar. One thread.
final class SchemaArrays {
    private final SchemaFacets facets;
    private final SchemaRules schema;

    SchemaArrays(SchemaFacets facets, SchemaRules schema) {
        this.facets = facets;
        this.schema = schema;
    }

    Expression expression() {
        int min = facets.lower("minItems");
        int max = facets.upper("maxItems");
        int prefix = prefixLength();
        if (isForbidden(prefix)) max = Math.min(max, prefix);
        for (int i = 0; i < prefix; i++) if (isForbidden(i)) max = Math.min(max, i);
        if (max < min) return Expression.NOTHING;
        if (facets.isTrue("uniqueItems") && max > 1) {
            throw new GrammarException("the schema's keyword \"uniqueItems\" is not supported");
        }
        if (prefix == 0) {
            boolean any = min == 0 && max == UNBOUNDED && itemSchemas(0).isEmpty();
            if (any) return schema.rules().array();
            return max == 0 ? JsonText.array(Expression.EMPTY, 0, 0) : JsonText.array(item(0), min, max);
        }
        return JsonText.brackets("[", from(0, Math.min(prefix, max), min, max), "]");
    }

    /// Items from `index` on, of which those before `prefix` have schemas of their own.
    private Expression from(int index, int prefix, int min, int max) {
        if (index == prefix) {
            if (max == prefix) return Expression.EMPTY;
            Expression more = Expression.sequence(JsonText.COMMA, item(prefix));
            return new Expression.Repeat(more, Math.max(0, min - index), max == UNBOUNDED ? max : max - index);
        }
        Expression rest = Expression.sequence(item(index), from(index + 1, prefix, min, max));
        Expression items = index == 0 ? rest : Expression.sequence(JsonText.COMMA, rest);
        return index < min ? items : Expression.optional(items);
    }

    private int prefixLength() {
        int length = 0;
        for (JsonNode part : facets.all()) {
            if (part.path("items").isArray()) {
                throw new GrammarException("the schema's items must be one schema; for a list use prefixItems");
            }
            length =
                    Math.max(length, SchemaDocument.members(part, "prefixItems").size());
        }
        if (length > GrammarLimits.DEPTH_MAX)
            throw GrammarLimits.over("schemas in prefixItems", GrammarLimits.DEPTH_MAX);
        return length;
    }

    private Expression item(int index) {
        return schema.value(itemSchemas(index));
    }

    private boolean isForbidden(int index) {
        return itemSchemas(index).stream().anyMatch(SchemaRules::isFalse);
    }

    /// What the item at `index` has to fulfil; the schemas that say nothing are left out.
    private List<JsonNode> itemSchemas(int index) {
        List<JsonNode> schemas = new ArrayList<>();
        for (JsonNode part : facets.all()) {
            List<JsonNode> prefix = SchemaDocument.members(part, "prefixItems");
            JsonNode item = index < prefix.size() ? prefix.get(index) : part.path("items");
            if (!item.isMissingNode() && !item.equals(BooleanNode.TRUE)) schemas.add(item);
        }
        return schemas;
    }
}

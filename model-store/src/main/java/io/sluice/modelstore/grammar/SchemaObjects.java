package io.sluice.modelstore.grammar;

import static io.sluice.modelstore.grammar.Regex.UNBOUNDED;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Writes objects of a schema as a grammar: declared members in their order, then, if the schema asks for them,
/// members of other names. One thread.
final class SchemaObjects {
    private final SchemaFacets facets;
    private final SchemaRules schema;
    private final Set<String> required = new LinkedHashSet<>();
    private final Set<String> declared = new LinkedHashSet<>();
    private final Map<String, Dfa> patterns = new LinkedHashMap<>(); // of patternProperties
    private final List<Dfa> nameShapes = new ArrayList<>(); // of propertyNames

    SchemaObjects(SchemaFacets facets, SchemaRules schema) {
        this.facets = facets;
        this.schema = schema;
        for (JsonNode part : facets.all()) {
            object(part, "properties").fieldNames().forEachRemaining(declared::add);
            part.path("required").forEach(name -> required.add(name.asText()));
            object(part, "patternProperties")
                    .fieldNames()
                    .forEachRemaining(
                            pattern -> patterns.computeIfAbsent(pattern, it -> Dfa.of(RegexParser.parse(it), true)));
            if (part.has("propertyNames")) addNameShape(part.get("propertyNames"));
        }
        declared.addAll(required);
    }

    private static JsonNode object(JsonNode part, String keyword) {
        JsonNode value = part.path(keyword);
        if (value.isMissingNode() || value.isObject()) return value;
        throw new GrammarException("the schema's " + keyword + " must be an object, not " + value);
    }

    private void addNameShape(JsonNode names) {
        for (String keyword : (Iterable<String>) names::fieldNames) {
            boolean known = SchemaKeywords.isAnnotation(keyword)
                    || SchemaKeywords.typeOf(keyword).equals("string")
                    || (keyword.equals("type") && names.get(keyword).asText().equals("string"));
            if (!known)
                throw new GrammarException("\"" + keyword + "\" in the schema's propertyNames is not supported");
        }
        SchemaStrings strings = new SchemaStrings(new SchemaFacets(List.of(names)), schema.rules());
        Dfa shape = strings.shape();
        nameShapes.add(shape != null ? shape : Dfa.whole(lengths(names)));
    }

    private static Regex lengths(JsonNode names) {
        SchemaFacets facets = new SchemaFacets(List.of(names));
        return Regex.repeat(new Regex.Chars(CodePoints.ALL), facets.lower("minLength"), facets.upper("maxLength"));
    }

    Expression expression() {
        int min = Math.max(facets.lower("minProperties"), required.size());
        int max = facets.upper("maxProperties");
        List<Expression.Member> members = members();
        List<Expression> further = further();
        if (members.isEmpty() && further.equals(List.of(anyMember())) && min == 0 && max == UNBOUNDED) {
            return schema.rules().object();
        }
        if (max < min || (further.isEmpty() && members.size() < min)) return Expression.NOTHING;
        if (!further.isEmpty() && min > required.size() + 1) {
            throw new GrammarException("the schema's minProperties is not supported beside further properties: their"
                    + " names may repeat; list the properties, with additionalProperties false");
        }
        int needed = min == required.size() ? 0 : min; // the required members are written anyway
        int bound = further.isEmpty() && max >= members.size() ? UNBOUNDED : max;
        return JsonText.brackets("{", new Expression.Members(members, further, needed, bound), "}");
    }

    private List<Expression.Member> members() {
        List<Expression.Member> members = new ArrayList<>();
        for (String name : declared) {
            List<JsonNode> schemas = valueSchemas(name);
            boolean allowed = schemas.stream().noneMatch(SchemaRules::isFalse)
                    && nameShapes.stream().allMatch(shape -> shape.accepts(name));
            if (!allowed && !required.contains(name)) continue;
            Expression key = new Expression.Literal(JsonText.quoted(name));
            Expression value = allowed ? schema.value(schemas) : Expression.NOTHING;
            members.add(
                    new Expression.Member(Expression.sequence(key, JsonText.COLON, value), required.contains(name)));
        }
        return members;
    }

    /// What each part of the schema says of the property `name`.
    private List<JsonNode> valueSchemas(String name) {
        List<JsonNode> schemas = new ArrayList<>();
        for (JsonNode part : facets.all()) {
            boolean mentioned = false;
            JsonNode own = part.path("properties").get(name);
            if (own != null) {
                schemas.add(own);
                mentioned = true;
            }
            for (Map.Entry<String, JsonNode> entry :
                    part.path("patternProperties").properties()) {
                Dfa pattern = patterns.get(entry.getKey());
                if (pattern == null || !pattern.accepts(name)) continue;
                schemas.add(entry.getValue());
                mentioned = true;
            }
            if (!mentioned && part.has("additionalProperties")) schemas.add(part.get("additionalProperties"));
        }
        return schemas;
    }

    private Expression anyMember() {
        return Expression.sequence(
                schema.rules().string(), JsonText.COLON, schema.rules().value());
    }

    /// Members of names that are not declared: empty if there can be none.
    private List<Expression> further() {
        List<Expression> options = new ArrayList<>();
        Dfa rest = null; // names without a pattern of their own; null stands for all
        if (!declared.isEmpty()) rest = anyName().minus(declaredNames());
        for (Dfa shape : nameShapes) rest = (rest == null ? anyName() : rest).and(shape);
        for (Map.Entry<String, Dfa> entry : patterns.entrySet()) {
            Dfa names = (rest == null ? anyName() : rest).and(entry.getValue());
            options.addAll(member(names, patternSchemas(entry.getKey())));
            rest = (rest == null ? anyName() : rest).minus(entry.getValue());
        }
        refuseOverlaps();
        if (!mayHaveOthers()) return choice(options);
        List<JsonNode> others = new ArrayList<>();
        for (JsonNode part : facets.all())
            if (part.has("additionalProperties")) others.add(part.get("additionalProperties"));
        boolean free = others.stream().allMatch(BooleanNode.TRUE::equals);
        if (rest == null && free) return List.of(anyMember());
        if (rest != null) options.addAll(member(rest, others));
        else options.add(Expression.sequence(schema.rules().string(), JsonText.COLON, schema.value(others)));
        return choice(options);
    }

    private static List<Expression> choice(List<Expression> options) {
        return options.isEmpty() ? List.of() : List.of(new Expression.Choice(options));
    }

    private List<Expression> member(Dfa names, List<JsonNode> schemas) {
        if (names.isEmpty() || schemas.stream().anyMatch(SchemaRules::isFalse)) return List.of();
        return List.of(Expression.sequence(new Expression.Quoted(names), JsonText.COLON, schema.value(schemas)));
    }

    /// Others are written only if the schema asks for them, or names no property at all.
    private boolean mayHaveOthers() {
        boolean asked = false;
        for (JsonNode part : facets.all()) {
            if (!part.has("additionalProperties")) continue;
            if (SchemaRules.isFalse(part.get("additionalProperties"))) return false;
            asked = true;
        }
        return asked || (declared.isEmpty() && patterns.isEmpty());
    }

    /// What holds for names of one pattern.
    private List<JsonNode> patternSchemas(String pattern) {
        List<JsonNode> schemas = new ArrayList<>();
        for (JsonNode part : facets.all()) {
            JsonNode own = part.path("patternProperties").get(pattern);
            if (own != null) schemas.add(own);
            else if (part.has("additionalProperties")) schemas.add(part.get("additionalProperties"));
        }
        return schemas;
    }

    private void refuseOverlaps() {
        List<Dfa> all = List.copyOf(patterns.values());
        for (int i = 0; i < all.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (all.get(i).and(all.get(j)).isEmpty()) continue;
                throw new GrammarException("the schema's patternProperties have patterns that overlap: not supported");
            }
        }
    }

    private static Dfa anyName() {
        return Dfa.whole(Regex.ANY);
    }

    private Dfa declaredNames() {
        List<Regex> names = new ArrayList<>();
        for (String name : declared) names.add(Regex.literal(name));
        return Dfa.whole(new Regex.Alternatives(names));
    }
}

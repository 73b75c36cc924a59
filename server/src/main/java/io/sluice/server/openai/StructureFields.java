package io.sluice.server.openai;

import io.sluice.modelstore.grammar.Structure;
import io.sluice.server.generation.WantedStructure;
import io.sluice.server.http.ApiError;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The fields that say what an answer has to be: OpenAI's `response_format`, vLLM's `structured_outputs` and
/// `guided_*`, llama.cpp's `grammar` and `json_schema`, SGLang's `regex` and `ebnf`. Any thread.
final class StructureFields {
    private static final String FORMAT = "response_format";
    private static final String OUTPUTS = "structured_outputs";

    private StructureFields() {}

    /// What the request asks for; null if the answer may be anything.
    static @Nullable WantedStructure parse(Fields fields) {
        List<WantedStructure> wanted = new ArrayList<>();
        addResponseFormat(fields.object(FORMAT), wanted);
        addStructuredOutputs(fields.object(OUTPUTS), wanted);
        addSchema(fields, "guided_json", wanted);
        addRegex(fields, "guided_regex", wanted);
        addChoice(fields, "guided_choice", wanted);
        addGrammar(fields, "guided_grammar", wanted);
        addGrammar(fields, "grammar", wanted);
        addRegex(fields, "regex", wanted);
        addGrammar(fields, "ebnf", wanted);
        addSchema(fields, "json_schema", wanted);
        refuse(fields, "guided_whitespace_pattern");
        if (wanted.size() > 1) {
            throw ApiError.invalid(
                    wanted.get(1).parameter(),
                    wanted.get(0).parameter() + " and " + wanted.get(1).parameter()
                            + " both say what the answer has to be; send one of them.");
        }
        return wanted.isEmpty() ? null : wanted.getFirst();
    }

    private static void addResponseFormat(@Nullable Fields format, List<WantedStructure> wanted) {
        if (format == null) return;
        String type = format.string("type");
        switch (type == null ? "" : type) {
            case "text" -> {}
            case "json_object" -> {
                // llama.cpp takes a schema here.
                if (format.has("schema")) addSchema(format, "schema", wanted);
                else wanted.add(new WantedStructure(new Structure.JsonObject(), FORMAT));
            }
            case "json_schema" -> {
                Fields named = format.object("json_schema");
                if (named == null || !named.has("schema")) {
                    throw ApiError.invalid(
                            "response_format.json_schema", "response_format.json_schema.schema is missing.");
                }
                addSchema(named, "schema", wanted);
            }
            case "structural_tag" -> wanted.add(StructuralTag.parse(format));
            default ->
                throw format.wrong(
                        "type", "one of text, json_object, json_schema, structural_tag", type == null ? "" : type);
        }
    }

    private static void addStructuredOutputs(@Nullable Fields outputs, List<WantedStructure> wanted) {
        if (outputs == null) return;
        addSchema(outputs, "json", wanted);
        addRegex(outputs, "regex", wanted);
        addChoice(outputs, "choice", wanted);
        addGrammar(outputs, "grammar", wanted);
        if (outputs.isTrue("json_object")) {
            wanted.add(new WantedStructure(new Structure.JsonObject(), OUTPUTS + ".json_object"));
        }
        addStructuralTag(outputs, wanted);
        refuse(outputs, "whitespace_pattern");
    }

    /// An object, or a text that holds one.
    private static void addStructuralTag(Fields outputs, List<WantedStructure> wanted) {
        String path = outputs.path() + "structural_tag";
        Map<?, ?> tag = switch (outputs.any("structural_tag")) {
            case null -> null;
            case Map<?, ?> object -> object;
            case String text ->
                Json.objectIn(text).orElseThrow(() -> outputs.wrong("structural_tag", "an object as JSON", text));
            case Object other -> throw outputs.wrong("structural_tag", "an object", other);
        };
        if (tag != null) wanted.add(StructuralTag.parse(new Fields(Fields.asObject(tag), path + ".")));
    }

    private static void refuse(Fields fields, String name) {
        if (!fields.has(name)) return;
        throw ApiError.invalid(
                400,
                fields.path() + name,
                "unsupported_parameter",
                fields.path() + name + " is not supported by this server.");
    }

    /// A schema as an object, or as a text that holds one.
    private static void addSchema(Fields fields, String name, List<WantedStructure> wanted) {
        String schema = switch (fields.any(name)) {
            case null -> null;
            case Map<?, ?> map -> Json.write(map);
            case Boolean any -> any.toString();
            case String text -> text;
            case Object other -> throw fields.wrong(name, "a JSON schema", other);
        };
        if (schema != null) wanted.add(new WantedStructure(new Structure.JsonSchema(schema), fields.path() + name));
    }

    private static void addRegex(Fields fields, String name, List<WantedStructure> wanted) {
        String regex = fields.string(name);
        if (regex != null) wanted.add(new WantedStructure(new Structure.Matching(regex), fields.path() + name));
    }

    /// No grammar is what clients of llama.cpp mean by an empty one.
    private static void addGrammar(Fields fields, String name, List<WantedStructure> wanted) {
        String grammar = fields.string(name);
        if (grammar == null || grammar.isEmpty()) return;
        wanted.add(new WantedStructure(new Structure.Written(grammar), fields.path() + name));
    }

    private static void addChoice(Fields fields, String name, List<WantedStructure> wanted) {
        List<Object> choices = fields.list(name);
        if (choices == null) return;
        List<String> texts = new ArrayList<>(choices.size());
        for (Object choice : choices) {
            if (!(choice instanceof String text)) throw fields.wrong(name, "an array of strings", choice);
            texts.add(text);
        }
        wanted.add(new WantedStructure(new Structure.OneOf(texts), fields.path() + name));
    }
}

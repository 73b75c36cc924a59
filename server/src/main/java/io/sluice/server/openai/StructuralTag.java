package io.sluice.server.openai;

import io.sluice.modelstore.grammar.Structure;
import io.sluice.modelstore.grammar.Structure.Marker;
import io.sluice.server.generation.WantedStructure;
import io.sluice.server.http.ApiError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// vLLM's and SGLang's structural tags: the answer is free until it contains a trigger; then it has to go on
/// with a tag, JSON of the tag's schema, and the tag's end, and is free again. Any thread.
final class StructuralTag {
    /// Each tag is a part of one automaton.
    private static final int TAGS_MAX = 128;

    private record Tag(String begin, Structure content, String end) {}

    private StructuralTag() {}

    /// @param fields `structures` and `triggers`
    static WantedStructure parse(Fields fields) {
        List<Marker> triggers = triggers(fields);
        Map<String, Structure> parts = new LinkedHashMap<>();
        List<Tag> tags = tags(fields, parts);
        List<Structure> segments = new ArrayList<>();
        List<Tag> left = new ArrayList<>(tags);
        for (Marker trigger : triggers) {
            List<Structure> ways = new ArrayList<>();
            for (Tag tag : tags) {
                if (!left.contains(tag) || !tag.begin().startsWith(trigger.text())) continue;
                left.remove(tag);
                String rest = tag.begin().substring(trigger.text().length());
                ways.add(new Structure.Joined(List.of(text(rest), tag.content(), text(tag.end()))));
            }
            Structure found = new Structure.Until(triggers, trigger);
            if (!ways.isEmpty()) segments.add(new Structure.Joined(List.of(found, new Structure.Either(ways))));
        }
        if (!left.isEmpty()) {
            throw ApiError.invalid(
                    fields.path() + "structures",
                    fields.path() + "structures has the tag \""
                            + left.getFirst().begin() + "\", which begins with none of the triggers.");
        }
        Structure repeated = new Structure.Repeated(new Structure.Either(segments));
        Structure all = new Structure.Joined(List.of(repeated, new Structure.Without(triggers)));
        return new WantedStructure(all, fields.path() + "structures", parts);
    }

    private static List<Marker> triggers(Fields fields) {
        List<Object> list = fields.list("triggers");
        if (list == null || list.isEmpty()) {
            throw ApiError.invalid(fields.path() + "triggers", fields.path() + "triggers must hold a text at least.");
        }
        if (list.size() > TAGS_MAX) {
            throw ApiError.invalid(
                    fields.path() + "triggers", fields.path() + "triggers may hold " + TAGS_MAX + " texts at most.");
        }
        List<Marker> triggers = new ArrayList<>();
        for (Object trigger : list) {
            if (!(trigger instanceof String text) || text.isEmpty()) {
                throw fields.wrong("triggers", "an array of texts that are not empty", trigger);
            }
            triggers.add(new Marker(text));
        }
        return triggers;
    }

    private static List<Tag> tags(Fields fields, Map<String, Structure> parts) {
        List<Object> list = fields.list("structures");
        if (list == null || list.isEmpty() || list.size() > TAGS_MAX) {
            throw ApiError.invalid(
                    fields.path() + "structures",
                    fields.path() + "structures must hold 1 to " + TAGS_MAX
                            + " objects with begin, schema and end. Other forms of structural tags are not supported.");
        }
        List<Tag> tags = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            String path = fields.path() + "structures[" + i + "]";
            if (!(list.get(i) instanceof Map<?, ?> object)) throw Fields.wrongAt(path, "an object", list.get(i));
            Fields tag = new Fields(Fields.asObject(object), path + ".");
            String begin = tag.string("begin");
            String end = tag.string("end");
            if (begin == null) throw ApiError.invalid(path + ".begin", path + ".begin is missing.");
            Fields schema = tag.object("schema");
            Structure content = new Structure.JsonSchema(schema == null ? "{}" : Json.write(schema.values()));
            parts.put(path + ".schema", content);
            tags.add(new Tag(begin, content, end == null ? "" : end));
        }
        return tags;
    }

    private static Structure text(String text) {
        return new Structure.OneOf(List.of(text));
    }
}

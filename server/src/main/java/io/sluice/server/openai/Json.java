package io.sluice.server.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import io.sluice.server.http.ApiError;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// Parses a request's JSON into plain values: `Map`, `List`, `String`, `Long`, `Double`, `Boolean`, and
/// `NULL` inside lists. In objects an explicit null is the same as nothing, and of two equal keys the last
/// one counts, as OpenAI's own servers have it; only in schemas a null is a value like others. Depth is
/// bounded; length is bounded by the body's limit. Any thread.
public final class Json {
    private static final Pattern SOURCE = Pattern.compile("\\[Source: .*?; line: (\\d+), column: (\\d+)]");

    /// An explicit null in a list.
    static final Object NULL = Optional.empty();

    /// The fields that hold a schema, by the object that they are in; "" is the request.
    private static final Set<String> SCHEMAS = Set.of(
            ".json_schema",
            ".guided_json",
            "json_schema.schema",
            "response_format.schema",
            "structured_outputs.json",
            "function.parameters",
            "tools.parameters",
            "format.schema",
            "tools.input_schema");

    private static final int REPLACEMENT = 0xFFFD;
    private static final int DEPTH_MAX = 100;
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(DEPTH_MAX)
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private Json() {}

    /// The JSON object in `utf8`.
    ///
    /// @throws ApiError 400 with the position of the mistake if it is not one
    public static Map<String, Object> parseObject(byte[] utf8) {
        try (JsonParser parser = FACTORY.createParser(utf8)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw ApiError.invalid(null, "The request's body must be a JSON object.");
            }
            Map<String, Object> object = object(parser, "", false);
            if (parser.nextToken() != null) {
                throw ApiError.invalid(null, "The request's body goes on after its JSON object" + at(parser) + ".");
            }
            return object;
        } catch (JsonProcessingException e) {
            var location = e.getLocation();
            String at =
                    location == null ? "" : " at line " + location.getLineNr() + ", column " + location.getColumnNr();
            // Where Jackson says where a thing began, it names its own settings before the place.
            String problem = SOURCE.matcher(e.getOriginalMessage()).replaceAll("line $1, column $2");
            throw ApiError.invalid(null, "The request's body is not valid JSON" + at + ": " + problem);
        } catch (IOException e) {
            // Broken UTF-8 in names comes up as plain I/O trouble; nothing else can: the bytes are in memory.
            throw ApiError.invalid(null, "The request's body is not valid JSON: " + e.getMessage());
        }
    }

    /// The JSON object that a text holds, if it holds one.
    public static Optional<Map<String, Object>> objectIn(String text) {
        try {
            return Optional.of(parseObject(text.getBytes(StandardCharsets.UTF_8)));
        } catch (ApiError e) {
            return Optional.empty();
        }
    }

    /// The same as text, for what this class made.
    static String write(Map<?, ?> object) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = FACTORY.createGenerator(text)) {
            write(object, json);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // text is in memory
        }
        return text.toString();
    }

    private static void write(Object value, JsonGenerator json) throws IOException {
        switch (value) {
            case Map<?, ?> object -> {
                json.writeStartObject();
                for (var member : object.entrySet()) {
                    json.writeFieldName(String.valueOf(member.getKey()));
                    write(member.getValue(), json);
                }
                json.writeEndObject();
            }
            case List<?> list -> {
                json.writeStartArray();
                for (Object item : list) write(item, json);
                json.writeEndArray();
            }
            case String string -> json.writeString(string);
            case Long number -> json.writeNumber(number);
            case Double number -> json.writeNumber(number);
            case Boolean flag -> json.writeBoolean(flag);
            default -> json.writeNull();
        }
    }

    /// @param within the field that holds the object
    /// @param verbatim a null is kept
    private static Map<String, Object> object(JsonParser parser, String within, boolean verbatim) throws IOException {
        Map<String, Object> object = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            parser.nextToken();
            Object value = value(parser, name, verbatim || SCHEMAS.contains(within + "." + name));
            if (value.equals(NULL) && !verbatim) {
                object.remove(name);
            } else {
                object.put(name, value);
            }
        }
        return object;
    }

    private static List<Object> array(JsonParser parser, String within, boolean verbatim) throws IOException {
        List<Object> array = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) array.add(value(parser, within, verbatim));
        return array;
    }

    private static Object value(JsonParser parser, String within, boolean verbatim) throws IOException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> object(parser, within, verbatim);
            case START_ARRAY -> array(parser, within, verbatim);
            case VALUE_STRING -> wellFormed(parser.getText());
            case VALUE_NUMBER_INT ->
                parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                        ? (Object) parser.getDoubleValue()
                        : (Object) parser.getLongValue();
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> NULL;
            default -> throw ApiError.invalid(null, "The request's body is not valid JSON" + at(parser) + ".");
        };
    }

    /// JSON can escape half a surrogate pair, which is no text; nothing behind the edge should meet one.
    private static String wellFormed(String text) {
        if (text.codePoints().noneMatch(Json::isLoneSurrogate)) return text;
        return text.codePoints()
                .map(c -> isLoneSurrogate(c) ? REPLACEMENT : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static boolean isLoneSurrogate(int codePoint) {
        return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
    }

    private static String at(JsonParser parser) {
        var location = parser.currentTokenLocation();
        return " at line " + location.getLineNr() + ", column " + location.getColumnNr();
    }
}

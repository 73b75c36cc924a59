package io.sluice.server.openai;

import io.sluice.server.http.ApiError;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Typed access to a JSON object's fields; a field of the wrong type is a 400 that names it. Absent fields are null.
///
/// @param path what precedes the field's name in messages, such as `stream_options.`
public record Fields(Map<String, Object> values, String path) {

    public static Fields of(Map<String, Object> values) {
        return new Fields(values, "");
    }

    public boolean has(String name) {
        return values.containsKey(name);
    }

    @Nullable
    public Object any(String name) {
        return values.get(name);
    }

    @Nullable
    public String string(String name) {
        return switch (values.get(name)) {
            case null -> null;
            case String text -> text;
            case Object other -> throw wrong(name, "a string", other);
        };
    }

    public boolean isTrue(String name) {
        return switch (values.get(name)) {
            case null -> false;
            case Boolean value -> value;
            case Object other -> throw wrong(name, "true or false", other);
        };
    }

    /// The same for a field that means something else by being absent.
    public boolean isTrue(String name, boolean absent) {
        return values.get(name) == null ? absent : isTrue(name);
    }

    @Nullable
    public Float number(String name) {
        return switch (values.get(name)) {
            case null -> null;
            case Long value -> (float) (long) value;
            case Double value when Float.isFinite((float) (double) value) -> (float) (double) value;
            case Object other -> throw wrong(name, "a number", other);
        };
    }

    @Nullable
    public Integer integer(String name) {
        Long value = longInteger(name);
        if (value == null) return null;
        if (value != (int) (long) value) throw wrong(name, "an integer of at most 32 bits", value);
        return (int) (long) value;
    }

    @Nullable
    Long longInteger(String name) {
        return switch (values.get(name)) {
            case null -> null;
            case Long value -> value;
            // Some clients send 16.0 for 16.
            case Double value when value == Math.rint(value) && Math.abs(value) < 0x1p53 -> (long) (double) value;
            case Object other -> throw wrong(name, "an integer", other);
        };
    }

    @SuppressWarnings("unchecked") // Json makes lists of Object only
    @Nullable
    public List<Object> list(String name) {
        return switch (values.get(name)) {
            case null -> null;
            case List<?> list -> (List<Object>) list;
            case Object other -> throw wrong(name, "an array", other);
        };
    }

    @Nullable
    public Fields object(String name) {
        return switch (values.get(name)) {
            case null -> null;
            case Map<?, ?> map -> new Fields(asObject(map), path + name + ".");
            case Object other -> throw wrong(name, "an object", other);
        };
    }

    /// The refusal of field `name`, whose value should have been `expected`.
    public ApiError wrong(String name, String expected, Object actual) {
        return wrongAt(path + name, expected, actual);
    }

    public static ApiError wrongAt(String path, String expected, Object actual) {
        return ApiError.invalid(path, path + " must be " + expected + ", got " + describe(actual) + ".");
    }

    @SuppressWarnings("unchecked") // Json makes maps of String to Object only
    public static Map<String, Object> asObject(Map<?, ?> map) {
        return (Map<String, Object>) map;
    }

    /// The value in a few words: clients should recognise it, nobody wants all of it.
    private static String describe(Object value) {
        return switch (value) {
            case String text -> "the string \"" + (text.length() <= 40 ? text : text.substring(0, 40) + "…") + "\"";
            case List<?> _ -> "an array";
            case Map<?, ?> _ -> "an object";
            default -> value.equals(Json.NULL) ? "null" : value.toString().toLowerCase(Locale.ROOT);
        };
    }
}

package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The key-value part of a GGUF file, already parsed and on the heap: it outlives the mapping. Immutable; any
/// thread.
///
/// A key that is missing is an empty result; a key that holds another kind of value is damage: an exception
/// that names file and key. GGUF's integer widths are one kind here, and so are its two floating-point widths.
final class GgufMetadata {
    private final Path file;
    private final Map<String, Object> values;

    /// @param file for messages
    /// @param values per key a `String`, `Boolean`, `Long`, `Double`, `List<String>`, `float[]`, `int[]`
    ///     (booleans too, as 0 and 1) or `long[]`
    GgufMetadata(Path file, Map<String, Object> values) {
        this.file = file;
        this.values = Map.copyOf(values);
    }

    Set<String> keys() {
        return values.keySet();
    }

    Optional<String> string(String key) {
        return value(key, String.class, "a string");
    }

    Optional<Boolean> bool(String key) {
        return value(key, Boolean.class, "a boolean");
    }

    Optional<Long> integer(String key) {
        return value(key, Long.class, "an integer");
    }

    /// A floating-point number; an integer is taken as one.
    Optional<Double> number(String key) {
        return value(key, Number.class, "a number").map(Number::doubleValue);
    }

    /// An array of strings; empty if the key is missing.
    @SuppressWarnings("unchecked") // the constructor's contract: the only lists are lists of strings
    List<String> strings(String key) {
        return value(key, List.class, "an array of strings").orElse(List.of());
    }

    /// An array of floating-point numbers, not to be written to; empty if the key is missing.
    float[] floats(String key) {
        return value(key, float[].class, "an array of floating-point numbers").orElse(new float[0]);
    }

    /// An array of integers of at most 32 bits, not to be written to; empty if the key is missing.
    int[] ints(String key) {
        return value(key, int[].class, "an array of 32-bit integers").orElse(new int[0]);
    }

    private <T> Optional<T> value(String key, Class<T> kind, String inWords) {
        Object value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        if (!kind.isInstance(value)) {
            throw new ModelFileException(file, "metadata key " + key + " is not " + inWords);
        }
        return Optional.of(kind.cast(value));
    }
}

package io.sluice.modelstore;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A JSON object in a file of a model, bounded in size and depth. A key that is missing or null is an empty
/// result; a key that holds another kind of value is an exception that names file and key. Immutable; any
/// thread.
final class JsonFile {
    /// Far above any `config.json` or shard index; tokenizers are read elsewhere.
    private static final int BYTES_MAX = 32 << 20;

    /// For every JSON text of a model file: nothing there nests deep or has long numbers.
    static final StreamReadConstraints CONSTRAINTS = StreamReadConstraints.builder()
            .maxNestingDepth(32)
            .maxNumberLength(64)
            .maxNameLength(4096)
            .maxStringLength(4 << 20)
            .build();

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(CONSTRAINTS)
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final Path file;
    private final JsonNode object;

    private JsonFile(Path file, JsonNode object) {
        this.file = file;
        this.object = object;
    }

    static JsonFile read(Path file) {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(BYTES_MAX + 1);
        } catch (IOException e) {
            throw ModelFileException.unreadable(file, e);
        }
        if (bytes.length > BYTES_MAX) {
            throw new ModelFileException(file, "is larger than " + (BYTES_MAX >> 20) + " MiB");
        }
        try {
            JsonNode node = MAPPER.readTree(bytes);
            if (!node.isObject()) {
                throw new ModelFileException(file, "is not a JSON object");
            }
            return new JsonFile(file, node);
        } catch (IOException e) {
            throw notJson(file, "is not valid JSON", e);
        }
    }

    static ModelFileException notJson(Path file, String problem, IOException e) {
        String detail = e instanceof JsonProcessingException json
                ? json.getOriginalMessage()
                        + (json.getLocation() == null
                                ? ""
                                : " at line " + json.getLocation().getLineNr() + ", column "
                                        + json.getLocation().getColumnNr())
                : String.valueOf(e.getMessage());
        return new ModelFileException(file, problem + ": " + detail, e);
    }

    Path file() {
        return file;
    }

    Optional<String> string(String key) {
        return value(key).map(node -> {
            if (!node.isTextual()) {
                throw wrongKind(key, "a string");
            }
            return node.textValue();
        });
    }

    Optional<Boolean> bool(String key) {
        return value(key).map(node -> {
            if (!node.isBoolean()) {
                throw wrongKind(key, "true or false");
            }
            return node.booleanValue();
        });
    }

    Optional<Integer> integer(String key) {
        return value(key).map(node -> integer(key, node));
    }

    private int integer(String key, JsonNode node) {
        if (!node.isIntegralNumber() || !node.canConvertToInt()) {
            throw wrongKind(key, "a 32-bit integer");
        }
        return node.intValue();
    }

    /// A finite number.
    Optional<Double> number(String key) {
        return value(key).map(node -> {
            if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
                throw wrongKind(key, "a finite number");
            }
            return node.doubleValue();
        });
    }

    /// An integer, or an array of them; empty if the key is missing.
    List<Integer> integers(String key) {
        List<Integer> integers = new ArrayList<>();
        value(key).ifPresent(node -> {
            if (node.isArray()) {
                node.forEach(element -> integers.add(integer(key, element)));
            } else {
                integers.add(integer(key, node));
            }
        });
        return integers;
    }

    /// An array of finite numbers; empty if the key is missing.
    List<Double> numbers(String key) {
        List<Double> numbers = new ArrayList<>();
        value(key).ifPresent(node -> {
            if (!node.isArray()) {
                throw wrongKind(key, "an array of numbers");
            }
            node.forEach(element -> {
                if (!element.isNumber() || !Double.isFinite(element.doubleValue())) {
                    throw wrongKind(key, "an array of finite numbers");
                }
                numbers.add(element.doubleValue());
            });
        });
        return numbers;
    }

    /// An array of strings; empty if the key is missing.
    List<String> strings(String key) {
        List<String> strings = new ArrayList<>();
        value(key).ifPresent(node -> {
            if (!node.isArray()) {
                throw wrongKind(key, "an array of strings");
            }
            node.forEach(element -> {
                if (!element.isTextual()) {
                    throw wrongKind(key, "an array of strings");
                }
                strings.add(element.textValue());
            });
        });
        return strings;
    }

    /// A nested object, with its keys read like the file's own.
    Optional<JsonFile> object(String key) {
        return value(key).map(node -> {
            if (!node.isObject()) {
                throw wrongKind(key, "an object");
            }
            return new JsonFile(file, node);
        });
    }

    List<String> keys() {
        List<String> keys = new ArrayList<>();
        object.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    boolean has(String key) {
        return value(key).isPresent();
    }

    private Optional<JsonNode> value(String key) {
        return Optional.ofNullable(object.get(key)).filter(node -> !node.isNull());
    }

    private ModelFileException wrongKind(String key, String wanted) {
        return new ModelFileException(file, key + " is not " + wanted);
    }
}

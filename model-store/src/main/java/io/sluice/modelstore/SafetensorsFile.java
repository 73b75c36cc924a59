package io.sluice.modelstore;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads what a safetensors file declares; every tensor is checked to lie inside the file, to fill its shape
/// exactly and to share no byte with another. As the format's specification asks, the data has no holes.
///
///     header length u64 | header: JSON {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}} | data
final class SafetensorsFile {
    /// The reference implementation allows 100 MB; the largest published shards have under 1.
    private static final long HEADER_BYTES_MAX = 32 << 20;

    private static final int TENSORS_MAX = 1 << 17;
    private static final int DIMENSIONS_MAX = 8;
    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(JsonFile.CONSTRAINTS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build();

    private final Path file;
    private final MemorySegment data;

    private SafetensorsFile(Path file, MemorySegment data) {
        this.file = file;
        this.data = data;
    }

    static List<StoredTensor> read(Path file, MemorySegment mapped) {
        long rest = mapped.byteSize() - Long.BYTES;
        if (rest < 2) {
            throw new ModelFileException(file, "has only " + mapped.byteSize() + " bytes: is the download complete?");
        }
        long headerBytes = mapped.get(LENGTH, 0);
        if (headerBytes < 2 || headerBytes > HEADER_BYTES_MAX) {
            throw new ModelFileException(
                    file,
                    "is not a safetensors file: its header length would be " + Long.toUnsignedString(headerBytes)
                            + " bytes");
        }
        if (headerBytes > rest) {
            throw new ModelFileException(
                    file, "ends inside its header of " + headerBytes + " bytes: is the download complete?");
        }
        byte[] header = new byte[(int) headerBytes];
        MemorySegment.copy(mapped, ValueLayout.JAVA_BYTE, Long.BYTES, header, 0, header.length);
        return new SafetensorsFile(file, mapped.asSlice(Long.BYTES + headerBytes)).tensors(header);
    }

    /// One entry of the header.
    private record Declared(String name, String type, long[] shape, long begin, long end) {}

    private List<StoredTensor> tensors(byte[] header) {
        Map<String, Declared> declared;
        try (JsonParser parser = JSON.createParser(header)) {
            declared = parse(parser);
        } catch (IOException e) {
            throw JsonFile.notJson(file, "header is not valid JSON", e);
        }
        List<StoredTensor> tensors = new ArrayList<>(declared.size());
        for (Declared tensor : declared.values()) {
            tensors.add(locate(tensor));
        }
        requireSeamless(declared);
        return tensors;
    }

    private Map<String, Declared> parse(JsonParser parser) throws IOException {
        expect(parser.nextToken(), JsonToken.START_OBJECT, "the header");
        Map<String, Declared> declared = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            expect(parser.nextToken(), JsonToken.START_OBJECT, "header entry " + name);
            if (name.equals("__metadata__")) {
                parser.skipChildren();
            } else {
                declared.put(name, entry(parser, name));
            }
            if (declared.size() > TENSORS_MAX) {
                throw new ModelFileException(file, "declares more than " + TENSORS_MAX + " tensors");
            }
        }
        if (parser.nextToken() != null) {
            throw new ModelFileException(file, "header goes on after its JSON object");
        }
        return declared;
    }

    private Declared entry(JsonParser parser, String name) throws IOException {
        String type = null;
        long[] shape = null;
        long[] offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (key) {
                case "dtype" -> {
                    expect(value, JsonToken.VALUE_STRING, "the dtype of tensor " + name);
                    type = parser.getText();
                }
                case "shape" -> shape = sizes(parser, "the shape of tensor " + name);
                case "data_offsets" -> offsets = sizes(parser, "the data_offsets of tensor " + name);
                default -> throw new ModelFileException(file, "tensor " + name + " has an unknown key " + key);
            }
        }
        if (type == null || shape == null || offsets == null || offsets.length != 2) {
            throw new ModelFileException(
                    file, "tensor " + name + " does not declare a dtype, a shape and two data_offsets");
        }
        return new Declared(name, type, shape, offsets[0], offsets[1]);
    }

    private long[] sizes(JsonParser parser, String what) throws IOException {
        expect(parser.currentToken(), JsonToken.START_ARRAY, what);
        long[] sizes = new long[DIMENSIONS_MAX];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
            if (count == DIMENSIONS_MAX) {
                throw new ModelFileException(file, what + " has more than " + DIMENSIONS_MAX + " numbers");
            }
            if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER || parser.getLongValue() < 0) {
                throw new ModelFileException(file, what + " holds " + parser.getText() + ", which is out of range");
            }
            sizes[count++] = parser.getLongValue();
        }
        return Arrays.copyOf(sizes, count);
    }

    private void expect(@Nullable JsonToken token, JsonToken wanted, String what) {
        if (token != wanted) {
            throw new ModelFileException(file, what + " is not what safetensors has there");
        }
    }

    private StoredTensor locate(Declared tensor) {
        String name = tensor.name();
        TensorType type = type(tensor);
        if (tensor.begin() > tensor.end() || tensor.end() > data.byteSize()) {
            throw new ModelFileException(
                    file,
                    "tensor " + name + " has data_offsets [" + tensor.begin() + ", " + tensor.end()
                            + "] but the file has " + data.byteSize() + " bytes of data: is the download complete?");
        }
        long length = tensor.end() - tensor.begin();
        if (length != bytes(tensor, type)) {
            throw new ModelFileException(
                    file,
                    "tensor " + name + " has " + length + " bytes, which is not its shape "
                            + Arrays.toString(tensor.shape()) + " in " + type);
        }
        return new StoredTensor(file, name, type, tensor.shape(), data.asSlice(tensor.begin(), length));
    }

    private TensorType type(Declared tensor) {
        return switch (tensor.type()) {
            case "F32" -> TensorType.F32;
            case "F16" -> TensorType.F16;
            case "BF16" -> TensorType.BF16;
            case "F8_E4M3" -> TensorType.F8_E4M3;
            case "I8" -> TensorType.I8;
            case "I32" -> TensorType.I32;
            case "I64" -> TensorType.I64;
            default ->
                throw new ModelFileException(
                        file,
                        "tensor " + tensor.name() + " is stored as " + tensor.type()
                                + ", which is not supported; supported are F32, F16 and BF16, and what quantised weights are"
                                + " made of (F8_E4M3, I8, I32, I64)");
        };
    }

    private long bytes(Declared tensor, TensorType type) {
        try {
            long count = 1;
            for (long dimension : tensor.shape()) {
                count = Math.multiplyExact(count, dimension);
            }
            return type.bytes(count);
        } catch (ArithmeticException e) {
            throw new ModelFileException(file, "tensor " + tensor.name() + " is larger than any file", e);
        }
    }

    private void requireSeamless(Map<String, Declared> declared) {
        List<Declared> byOffset = new ArrayList<>(declared.values());
        byOffset.sort(Comparator.comparingLong(Declared::begin).thenComparingLong(Declared::end));
        long end = 0;
        String before = "the header";
        for (Declared tensor : byOffset) {
            if (tensor.begin() != end) {
                throw new ModelFileException(
                        file,
                        "tensor " + tensor.name() + (tensor.begin() < end ? " overlaps " : " leaves a hole after ")
                                + before);
            }
            end = tensor.end();
            before = "tensor " + tensor.name();
        }
        if (end != data.byteSize()) {
            throw new ModelFileException(
                    file, "has " + (data.byteSize() - end) + " bytes after its last tensor, which no tensor owns");
        }
    }
}

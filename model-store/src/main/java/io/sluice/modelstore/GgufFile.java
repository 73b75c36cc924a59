package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// What a GGUF file (version 3, little-endian) declares: its metadata and its tensors, every one of them
/// checked to lie inside the file. Follows ggml's `docs/gguf.md`:
///
///     "GGUF" | version u32 | tensor count u64 | key count u64 | keys and values | tensor infos | padding | tensor data
///
/// Nothing is allocated that the file has not the bytes for.
record GgufFile(GgufMetadata metadata, List<StoredTensor> tensors) {
    private static final int VERSION = 3;
    private static final long KEYS_MAX = 1 << 16;
    private static final long TENSORS_MAX = 1 << 17;
    private static final int NAME_BYTES_MAX = 1 << 12;
    private static final int DIMENSIONS_MAX = 4;
    private static final long DEFAULT_ALIGNMENT = 32;
    private static final long ALIGNMENT_MAX = 1 << 16;

    /// ggml's numbers for tensor types, for messages about those that are not read here.
    private static final Map<Integer, String> OTHER_TYPES = Map.ofEntries(
            Map.entry(9, "Q8_1"),
            Map.entry(15, "Q8_K"),
            Map.entry(16, "IQ2_XXS"),
            Map.entry(17, "IQ2_XS"),
            Map.entry(18, "IQ3_XXS"),
            Map.entry(19, "IQ1_S"),
            Map.entry(21, "IQ3_S"),
            Map.entry(22, "IQ2_S"),
            Map.entry(24, "I8"),
            Map.entry(25, "I16"),
            Map.entry(26, "I32"),
            Map.entry(27, "I64"),
            Map.entry(28, "F64"),
            Map.entry(29, "IQ1_M"),
            Map.entry(34, "TQ1_0"),
            Map.entry(35, "TQ2_0"),
            Map.entry(39, "MXFP4"));

    /// @param acceptable refuses by an exception what the metadata already rules out, before tensors are looked
    ///     at
    static GgufFile read(Path file, MemorySegment mapped, Consumer<GgufMetadata> acceptable) {
        GgufCursor cursor = new GgufCursor(file, mapped);
        requireHeader(file, cursor);
        long tensorCount = cursor.count("tensors", TENSORS_MAX, 24);
        long keyCount = cursor.count("metadata keys", KEYS_MAX, 13);
        GgufMetadata metadata = readMetadata(file, cursor, keyCount);
        refuseSplit(file, metadata);
        acceptable.accept(metadata);
        List<Declared> declared = readDeclared(file, cursor, tensorCount);
        long dataStart = Math.ceilDiv(cursor.position(), alignment(file, metadata)) * alignment(file, metadata);
        return new GgufFile(metadata, locate(file, mapped, declared, dataStart, alignment(file, metadata)));
    }

    private static void requireHeader(Path file, GgufCursor cursor) {
        if (cursor.u32("the magic number") != 0x46554747) { // "GGUF"
            throw new ModelFileException(file, "is not a GGUF file: it does not begin with the letters GGUF");
        }
        int version = cursor.u32("the version");
        if (version == Integer.reverseBytes(VERSION)) {
            throw new ModelFileException(file, "is a big-endian GGUF file: only little-endian ones are read");
        }
        if (version != VERSION) {
            throw new ModelFileException(
                    file, "has GGUF version " + Integer.toUnsignedString(version) + ": only version 3 is read");
        }
    }

    private static GgufMetadata readMetadata(Path file, GgufCursor cursor, long keyCount) {
        Map<String, Object> values = new HashMap<>();
        for (long i = 0; i < keyCount; i++) {
            String key = cursor.string("the name of metadata key " + i, NAME_BYTES_MAX);
            Object value = cursor.value("metadata key " + key);
            if (values.put(key, value) != null) {
                throw new ModelFileException(file, "metadata key " + key + " appears twice");
            }
        }
        return new GgufMetadata(file, values);
    }

    private static void refuseSplit(Path file, GgufMetadata metadata) {
        if (metadata.integer("split.count").orElse(1L) > 1) {
            throw new ModelFileException(
                    file, "is one part of a split model: merge the parts with llama-gguf-split --merge first");
        }
    }

    private static long alignment(Path file, GgufMetadata metadata) {
        long alignment = metadata.integer("general.alignment").orElse(DEFAULT_ALIGNMENT);
        if (alignment < 1 || alignment > ALIGNMENT_MAX || Long.bitCount(alignment) != 1) {
            throw new ModelFileException(
                    file, "general.alignment " + alignment + " is not a power of two from 1 to " + ALIGNMENT_MAX);
        }
        return alignment;
    }

    /// A tensor before its place is checked.
    ///
    /// @param shape outermost dimension first, the reverse of the file's order
    private record Declared(String name, TensorType type, long[] shape, long offset, long bytes) {}

    private static List<Declared> readDeclared(Path file, GgufCursor cursor, long tensorCount) {
        Map<String, Declared> declared = new LinkedHashMap<>();
        for (long i = 0; i < tensorCount; i++) {
            String name = cursor.string("the name of tensor " + i, NAME_BYTES_MAX);
            long[] shape = readShape(file, cursor, name);
            TensorType type = type(file, name, cursor.u32("the type of tensor " + name));
            long offset = cursor.i64("the offset of tensor " + name);
            long bytes = bytes(file, name, type, shape);
            if (declared.put(name, new Declared(name, type, shape, offset, bytes)) != null) {
                throw new ModelFileException(file, "tensor " + name + " appears twice");
            }
        }
        return new ArrayList<>(declared.values());
    }

    private static long[] readShape(Path file, GgufCursor cursor, String name) {
        int dimensions = cursor.u32("the shape of tensor " + name);
        if (dimensions < 1 || dimensions > DIMENSIONS_MAX) {
            throw new ModelFileException(
                    file,
                    "tensor " + name + " has " + Integer.toUnsignedString(dimensions) + " dimensions, not 1 to "
                            + DIMENSIONS_MAX);
        }
        long[] shape = new long[dimensions];
        for (int d = dimensions - 1; d >= 0; d--) {
            shape[d] = cursor.i64("the shape of tensor " + name);
            if (shape[d] < 1) {
                throw new ModelFileException(
                        file, "tensor " + name + " has an impossible dimension " + Long.toUnsignedString(shape[d]));
            }
        }
        return shape;
    }

    private static TensorType type(Path file, String name, int number) {
        return switch (number) {
            case 0 -> TensorType.F32;
            case 1 -> TensorType.F16;
            case 2 -> TensorType.Q4_0;
            case 3 -> TensorType.Q4_1;
            case 6 -> TensorType.Q5_0;
            case 7 -> TensorType.Q5_1;
            case 8 -> TensorType.Q8_0;
            case 10 -> TensorType.Q2_K;
            case 11 -> TensorType.Q3_K;
            case 12 -> TensorType.Q4_K;
            case 13 -> TensorType.Q5_K;
            case 14 -> TensorType.Q6_K;
            case 20 -> TensorType.IQ4_NL;
            case 23 -> TensorType.IQ4_XS;
            case 30 -> TensorType.BF16;
            default -> {
                String type = OTHER_TYPES.getOrDefault(number, "number " + Integer.toUnsignedString(number));
                throw new ModelFileException(
                        file,
                        "tensor " + name + " is stored as " + type
                                + ", which is not supported; supported are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, IQ4_NL,"
                                + " IQ4_XS");
            }
        };
    }

    private static long bytes(Path file, String name, TensorType type, long[] shape) {
        long rowLength = shape[shape.length - 1];
        if (rowLength % type.blockLength() != 0) {
            throw new ModelFileException(
                    file,
                    "tensor " + name + " has rows of " + rowLength + " numbers, which is not a whole number of " + type
                            + " blocks of " + type.blockLength());
        }
        try {
            long count = 1;
            for (long dimension : shape) {
                count = Math.multiplyExact(count, dimension);
            }
            return type.bytes(count);
        } catch (ArithmeticException e) {
            throw new ModelFileException(file, "tensor " + name + " is larger than any file", e);
        }
    }

    private static List<StoredTensor> locate(
            Path file, MemorySegment mapped, List<Declared> declared, long dataStart, long alignment) {
        long dataBytes = mapped.byteSize() - dataStart;
        for (Declared tensor : declared) {
            if (tensor.offset() < 0 || tensor.offset() % alignment != 0) {
                throw new ModelFileException(
                        file,
                        "tensor " + tensor.name() + " has offset " + Long.toUnsignedString(tensor.offset())
                                + ", which is not a multiple of the alignment " + alignment);
            }
            if (tensor.bytes() > dataBytes || tensor.offset() > dataBytes - tensor.bytes()) {
                throw new ModelFileException(
                        file,
                        "tensor " + tensor.name() + " lies past the end of the file (" + mapped.byteSize()
                                + " bytes): is the download complete?");
            }
        }
        refuseOverlaps(file, declared);
        return declared.stream()
                .map(t -> new StoredTensor(
                        file, t.name(), t.type(), t.shape(), mapped.asSlice(dataStart + t.offset(), t.bytes())))
                .toList();
    }

    private static void refuseOverlaps(Path file, List<Declared> declared) {
        List<Declared> byOffset = new ArrayList<>(declared);
        byOffset.sort(Comparator.comparingLong(Declared::offset));
        for (int i = 1; i < byOffset.size(); i++) {
            Declared before = byOffset.get(i - 1);
            Declared tensor = byOffset.get(i);
            if (tensor.offset() < before.offset() + before.bytes()) {
                throw new ModelFileException(
                        file, "tensors " + before.name() + " and " + tensor.name() + " overlap in the file");
            }
        }
    }
}

package io.sluice.modelstore;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// Writes GGUF files for tests: whole ones, and damaged ones where a test says so.
final class GgufWriter {
    private final Map<String, Consumer<Bytes>> keys = new LinkedHashMap<>();
    private final List<Consumer<Bytes>> infos = new ArrayList<>();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private final int alignment;

    GgufWriter() {
        this(32);
    }

    GgufWriter(int alignment) {
        this.alignment = alignment;
    }

    GgufWriter string(String key, String value) {
        return value(key, b -> b.u32(8).string(value));
    }

    GgufWriter integer(String key, long value) {
        return value(key, b -> b.u32(4).u32((int) value));
    }

    GgufWriter number(String key, double value) {
        return value(key, b -> b.u32(6).u32(Float.floatToRawIntBits((float) value)));
    }

    GgufWriter bool(String key, boolean value) {
        return value(key, b -> b.u32(7).u8(value ? 1 : 0));
    }

    GgufWriter strings(String key, List<String> values) {
        return value(key, b -> {
            b.u32(9).u32(8).u64(values.size());
            values.forEach(b::string);
        });
    }

    GgufWriter ints(String key, int... values) {
        return value(key, b -> {
            b.u32(9).u32(5).u64(values.length);
            for (int value : values) {
                b.u32(value);
            }
        });
    }

    /// A key with any value bytes, its type number first. A later value of the same key replaces the earlier.
    GgufWriter value(String key, Consumer<Bytes> value) {
        keys.put(key, value);
        return this;
    }

    GgufWriter without(String key) {
        keys.remove(key);
        return this;
    }

    /// @param shape outermost dimension first
    GgufWriter tensor(String name, TensorType type, byte[] bytes, long... shape) {
        data.writeBytes(new byte[Math.floorMod(-data.size(), alignment)]);
        long offset = data.size();
        data.writeBytes(bytes);
        return tensorInfo(name, number(type), offset, shape);
    }

    private static int number(TensorType type) {
        return switch (type) {
            case F32 -> 0;
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q4_1 -> 3;
            case Q5_0 -> 6;
            case Q5_1 -> 7;
            case Q8_0 -> 8;
            case Q2_K -> 10;
            case Q3_K -> 11;
            case Q4_K -> 12;
            case Q5_K -> 13;
            case Q6_K -> 14;
            case IQ4_NL -> 20;
            case IQ4_XS -> 23;
            case BF16 -> 30;
            default -> throw new IllegalArgumentException("not a type of GGUF: " + type);
        };
    }

    /// Declares a tensor without giving it data.
    GgufWriter tensorInfo(String name, int type, long offset, long... shape) {
        infos.add(b -> {
            b.string(name).u32(shape.length);
            for (int d = shape.length - 1; d >= 0; d--) {
                b.u64(shape[d]);
            }
            b.u32(type).u64(offset);
        });
        return this;
    }

    byte[] bytes() {
        Bytes file = new Bytes();
        file.u32(0x46554747).u32(3).u64(infos.size()).u64(keys.size());
        keys.forEach((key, value) -> {
            file.string(key);
            value.accept(file);
        });
        infos.forEach(info -> info.accept(file));
        file.raw(new byte[Math.floorMod(-file.size(), alignment)]);
        return file.raw(data.toByteArray()).toArray();
    }

    void write(Path file) {
        try {
            Files.write(file, bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Little-endian output.
    static final class Bytes {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Bytes u8(int value) {
            out.write(value);
            return this;
        }

        Bytes u32(int value) {
            return raw(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
        }

        Bytes u64(long value) {
            return raw(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array());
        }

        Bytes string(String value) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            return u64(bytes.length).raw(bytes);
        }

        Bytes raw(byte[] bytes) {
            out.writeBytes(bytes);
            return this;
        }

        int size() {
            return out.size();
        }

        byte[] toArray() {
            return out.toByteArray();
        }
    }
}

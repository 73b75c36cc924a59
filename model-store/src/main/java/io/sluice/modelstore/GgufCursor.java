package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/// Reads the front part of a GGUF file from left to right. Each count and length is held against the bytes that
/// are left before anything is allocated for it. One thread.
final class GgufCursor {
    /// Metadata and tensor infos together: the largest published vocabularies take under 32 MiB.
    private static final long FRONT_BYTES_MAX = 128L << 20;

    private static final int STRING_BYTES_MAX = 16 << 20;

    /// Entries of one array. Merges outnumber tokens, so this is above the largest vocabulary.
    private static final long ARRAY_LENGTH_MAX = 2L * ModelConfig.VOCAB_MAX;

    private final Path file;
    private final ByteBuffer front;

    GgufCursor(Path file, MemorySegment mapped) {
        this.file = file;
        this.front = mapped.asSlice(0, Math.min(mapped.byteSize(), FRONT_BYTES_MAX))
                .asByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    long position() {
        return front.position();
    }

    int u32(String what) {
        need(what, Integer.BYTES);
        return front.getInt();
    }

    /// An unsigned 64-bit number; those from 2^63 up come out negative, which no caller takes for a count.
    long i64(String what) {
        need(what, Long.BYTES);
        return front.getLong();
    }

    /// How many entries follow, at least `entryBytesMin` bytes each.
    long count(String what, long max, int entryBytesMin) {
        long count = i64("the number of " + what);
        if (count < 0 || count > max) {
            throw new ModelFileException(
                    file, "declares " + Long.toUnsignedString(count) + " " + what + ", more than the limit of " + max);
        }
        if (count > front.remaining() / entryBytesMin) {
            throw new ModelFileException(
                    file, "declares " + count + " " + what + " but ends before them: is the download complete?");
        }
        return count;
    }

    String string(String what, int bytesMax) {
        byte[] bytes = new byte[stringLength(what, bytesMax)];
        front.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private int stringLength(String what, int bytesMax) {
        long length = i64(what);
        if (length < 0 || length > bytesMax) {
            throw new ModelFileException(
                    file,
                    what + " has a length of " + Long.toUnsignedString(length) + " bytes, more than the limit of "
                            + bytesMax);
        }
        need(what, length);
        return (int) length;
    }

    /// A metadata value as [GgufMetadata] holds it.
    Object value(String what) {
        int type = u32("the type of " + what);
        return switch (type) {
            case 0 -> (long) Byte.toUnsignedInt(i8(what));
            case 1 -> (long) i8(what);
            case 2 -> (long) Short.toUnsignedInt(i16(what));
            case 3 -> (long) i16(what);
            case 4 -> Integer.toUnsignedLong(u32(what));
            case 5 -> (long) u32(what);
            case 6 -> (double) Float.intBitsToFloat(u32(what));
            case 7 -> i8(what) != 0;
            case 8 -> string(what, STRING_BYTES_MAX);
            case 9 -> array(what);
            case 10, 11 -> i64(what);
            case 12 -> Double.longBitsToDouble(i64(what));
            default -> throw unknownType(what, type);
        };
    }

    private Object array(String what) {
        int type = u32("the element type of " + what);
        int length = (int) count("entries of " + what, ARRAY_LENGTH_MAX, elementBytesMin(what, type));
        return switch (type) {
            case 8 -> strings(what, length);
            case 6, 12 -> floats(what, type, length);
            case 10, 11 -> longs(what, length);
            default -> ints(what, type, length);
        };
    }

    private int elementBytesMin(String what, int type) {
        return switch (type) {
            case 0, 1, 7 -> 1;
            case 2, 3 -> 2;
            case 4, 5, 6 -> 4;
            case 8, 10, 11, 12 -> 8;
            case 9 -> throw new ModelFileException(file, what + " is an array of arrays, which is not supported");
            default -> throw unknownType(what, type);
        };
    }

    private List<String> strings(String what, int length) {
        int begin = front.position();
        int[] starts = new int[length + 1];
        for (int i = 0; i < length; i++) {
            int bytes = stringLength(what, STRING_BYTES_MAX);
            starts[i] = front.position() - begin;
            front.position(front.position() + bytes);
        }
        byte[] packed = new byte[front.position() - begin];
        starts[length] = packed.length + PackedStrings.LENGTH_BYTES;
        front.get(begin, packed);
        return new PackedStrings(packed, starts);
    }

    private float[] floats(String what, int type, int length) {
        float[] floats = new float[length];
        for (int i = 0; i < length; i++) {
            floats[i] = type == 6 ? Float.intBitsToFloat(u32(what)) : (float) Double.longBitsToDouble(i64(what));
        }
        return floats;
    }

    private long[] longs(String what, int length) {
        long[] longs = new long[length];
        for (int i = 0; i < length; i++) {
            longs[i] = i64(what);
        }
        return longs;
    }

    private int[] ints(String what, int type, int length) {
        int[] ints = new int[length];
        for (int i = 0; i < length; i++) {
            ints[i] = switch (type) {
                case 0 -> Byte.toUnsignedInt(i8(what));
                case 1 -> i8(what);
                case 2 -> Short.toUnsignedInt(i16(what));
                case 3 -> i16(what);
                case 7 -> i8(what) != 0 ? 1 : 0;
                default -> u32(what);
            };
        }
        return ints;
    }

    private byte i8(String what) {
        need(what, Byte.BYTES);
        return front.get();
    }

    private short i16(String what) {
        need(what, Short.BYTES);
        return front.getShort();
    }

    private void need(String what, long bytes) {
        if (bytes > front.remaining()) {
            throw new ModelFileException(file, "ends inside " + what + ": is the download complete?");
        }
    }

    private ModelFileException unknownType(String what, int type) {
        return new ModelFileException(file, what + " has a value of unknown type " + Integer.toUnsignedString(type));
    }
}

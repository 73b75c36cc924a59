package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// The numbers of a stored tensor by their index, row-major: scales, and packed words. Any thread.
final class StoredNumbers {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment data;
    private final TensorType type;

    private StoredNumbers(StoredTensor tensor) {
        data = tensor.data();
        type = tensor.type();
    }

    /// Numbers that `number` reads.
    static StoredNumbers floating(StoredTensor tensor) {
        return switch (tensor.type()) {
            case F32, F16, BF16 -> new StoredNumbers(tensor);
            default -> throw unsupported(tensor);
        };
    }

    /// Integers that `word` and `nibble` read.
    static StoredNumbers words(StoredTensor tensor) {
        if (tensor.type() != TensorType.I32) {
            throw unsupported(tensor);
        }
        return new StoredNumbers(tensor);
    }

    private static ModelFileException unsupported(StoredTensor tensor) {
        return new ModelFileException(
                tensor.file(),
                "tensor " + tensor.name() + " is stored as " + tensor.type() + ", which is not supported there");
    }

    float number(long index) {
        return switch (type) {
            case F32 -> Float.intBitsToFloat(data.getAtIndex(INT, index));
            case F16 -> Float.float16ToFloat(data.getAtIndex(SHORT, index));
            case BF16 -> Float.intBitsToFloat(data.getAtIndex(SHORT, index) << 16);
            default -> throw new IllegalStateException(type + " holds no floating-point numbers");
        };
    }

    int word(long index) {
        return data.getAtIndex(INT, index);
    }

    /// Four bits of a word that holds eight numbers.
    int nibble(long word, int place) {
        return (data.getAtIndex(INT, word) >>> (4 * place)) & 15;
    }
}

package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/// A matrix of eight-bit numbers, integers or floating-point, with a scale for each rectangle of them: the whole, a
/// row, a run of a row, a block. Any thread.
///
/// @param stored `I8` or `F8_E4M3`
/// @param scaleColumns scales beside each other
/// @param scaleRows rows that share a scale
/// @param scaleWidth columns that share a scale
record ScaledTensor(
        String name, StoredTensor stored, StoredNumbers scales, int scaleColumns, int scaleRows, int scaleWidth)
        implements WeightTensor {
    private static final int BLOCK = 32;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// `INT8` if a block of 32 integers has one scale.
    @Override
    public TensorType type() {
        if (stored.type() == TensorType.F8_E4M3) {
            return TensorType.F8_E4M3;
        }
        boolean whole = columns() % BLOCK == 0 && (scaleWidth % BLOCK == 0 || scaleWidth >= columns());
        return whole ? TensorType.INT8 : TensorType.INT8_SCATTERED;
    }

    @Override
    public int rows() {
        return Math.toIntExact(stored.shape()[0]);
    }

    @Override
    public int columns() {
        return Math.toIntExact(stored.shape()[1]);
    }

    /// Integers as blocks of Q8_0, scales rounded to float16; others as they are stored.
    @Override
    public MemorySegment rowBytes(int row) {
        Objects.checkIndex(row, rows());
        MemorySegment numbers = stored.data().asSlice((long) row * columns(), columns());
        if (type() != TensorType.INT8) {
            return numbers;
        }
        MemorySegment blocks = MemorySegment.ofArray(new byte[(int) TensorType.INT8.bytes(columns())]);
        for (int first = 0, at = 0; first < columns(); first += BLOCK, at += TensorType.INT8.blockBytes()) {
            blocks.set(SHORT, at, Float.floatToFloat16(scale(row, first)));
            MemorySegment.copy(numbers, first, blocks, at + 2, BLOCK);
        }
        return blocks;
    }

    @Override
    public void readRows(int firstRow, int rowCount, MemorySegment target) {
        Objects.checkFromIndexSize(firstRow, rowCount, rows());
        boolean integers = stored.type() == TensorType.I8;
        for (int i = 0; i < rowCount; i++) {
            long at = (long) (firstRow + i) * columns();
            for (int column = 0; column < columns(); column++) {
                byte number = stored.data().get(ValueLayout.JAVA_BYTE, at + column);
                float weight = (integers ? number : float8(number)) * scale(firstRow + i, column);
                target.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) i * columns() + column, weight);
            }
        }
    }

    private float scale(int row, int column) {
        return scales.number((long) (row / scaleRows) * scaleColumns + column / scaleWidth);
    }

    /// E4M3 without infinities: a sign, four bits of exponent with bias 7, three of fraction.
    static float float8(byte bits) {
        int exponent = (bits >> 3) & 15;
        int fraction = bits & 7;
        if (exponent == 15 && fraction == 7) {
            return Float.NaN;
        }
        float magnitude =
                exponent == 0 ? fraction * 0x1p-9f : Float.intBitsToFloat((exponent + 120) << 23 | fraction << 20);
        return bits < 0 ? -magnitude : magnitude;
    }
}

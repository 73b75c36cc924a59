package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A matrix of four-bit numbers whose inputs share scales and zero points in groups, as GPTQ, AWQ and
/// compressed-tensors store them: `weight = scale * (number - zero)`. Any thread.
final class GroupedInt4 implements WeightTensor {
    private static final int BLOCK = 32;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Where the file keeps what makes up a weight.
    interface Layout {
        int number(int row, int column);

        int zero(int row, int group);

        float scale(int row, int group);
    }

    private final String name;
    private final int rows;
    private final int columns;
    private final int groupSize;
    private final int @Nullable [] groupOf; // [column]; null if groups are runs of columns
    private final Layout layout;

    GroupedInt4(String name, int rows, int columns, int groupSize, int @Nullable [] groupOf, Layout layout) {
        this.name = name;
        this.rows = rows;
        this.columns = columns;
        this.groupSize = groupSize;
        this.groupOf = groupOf;
        this.layout = layout;
    }

    @Override
    public String name() {
        return name;
    }

    /// `INT4` if a block of 32 numbers has one scale.
    @Override
    public TensorType type() {
        boolean whole = groupOf == null && columns % BLOCK == 0 && (groupSize % BLOCK == 0 || groupSize >= columns);
        return whole ? TensorType.INT4 : TensorType.INT4_SCATTERED;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    /// As blocks of Q4_1, scales and minima rounded to float16; where there are no blocks, decoded to float32.
    @Override
    public MemorySegment rowBytes(int row) {
        Objects.checkIndex(row, rows);
        if (type() != TensorType.INT4) {
            MemorySegment decoded = MemorySegment.ofArray(new float[columns]);
            readRows(row, 1, decoded);
            return decoded;
        }
        MemorySegment blocks = MemorySegment.ofArray(new byte[(int) TensorType.INT4.bytes(columns)]);
        for (int first = 0, at = 0; first < columns; first += BLOCK, at += TensorType.INT4.blockBytes()) {
            int group = group(first);
            float scale = layout.scale(row, group);
            blocks.set(SHORT, at, Float.floatToFloat16(scale));
            blocks.set(SHORT, at + 2, Float.floatToFloat16(-scale * layout.zero(row, group)));
            for (int i = 0; i < BLOCK / 2; i++) {
                int pair = layout.number(row, first + i) | (layout.number(row, first + BLOCK / 2 + i) << 4);
                blocks.set(ValueLayout.JAVA_BYTE, at + 4 + i, (byte) pair);
            }
        }
        return blocks;
    }

    @Override
    public void readRows(int firstRow, int rowCount, MemorySegment target) {
        Objects.checkFromIndexSize(firstRow, rowCount, rows);
        for (int i = 0; i < rowCount; i++) {
            int row = firstRow + i;
            for (int column = 0; column < columns; column++) {
                int group = group(column);
                float weight = layout.scale(row, group) * (layout.number(row, column) - layout.zero(row, group));
                target.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) i * columns + column, weight);
            }
        }
    }

    private int group(int column) {
        return groupOf == null ? column / groupSize : groupOf[column];
    }

    /// GPTQ: words of eight inputs, `[columns / 8, rows]`; zero points `[group, rows / 8]`; scales `[group, rows]`.
    ///
    /// @param zeroOffset what is added to stored zero points
    record Gptq(StoredNumbers words, StoredNumbers zeros, StoredNumbers scales, int rows, int zeroOffset)
            implements Layout {
        @Override
        public int number(int row, int column) {
            return words.nibble((long) (column / 8) * rows + row, column % 8);
        }

        @Override
        public int zero(int row, int group) {
            return zeros.nibble((long) group * (rows / 8) + row / 8, row % 8) + zeroOffset;
        }

        @Override
        public float scale(int row, int group) {
            return scales.number((long) group * rows + row);
        }
    }

    /// AWQ: words of eight outputs, `[columns, rows / 8]`, in the order 0 2 4 6 1 3 5 7; zero points likewise,
    /// `[group, rows / 8]`; scales `[group, rows]`.
    record Awq(StoredNumbers words, StoredNumbers zeros, StoredNumbers scales, int rows) implements Layout {
        @Override
        public int number(int row, int column) {
            return words.nibble((long) column * (rows / 8) + row / 8, place(row));
        }

        @Override
        public int zero(int row, int group) {
            return zeros.nibble((long) group * (rows / 8) + row / 8, place(row));
        }

        @Override
        public float scale(int row, int group) {
            return scales.number((long) group * rows + row);
        }

        private static int place(int row) {
            int inWord = row % 8;
            return inWord / 2 + inWord % 2 * 4;
        }
    }

    /// compressed-tensors: words of eight inputs, `[rows, ceil(columns / 8)]`, numbers stored with 8 added; zero points
    /// in words of eight outputs, `[rows / 8, group]`, likewise, if there are any; scales `[rows, group]`.
    record Packed(
            StoredNumbers words, @Nullable StoredNumbers zeros, StoredNumbers scales, int wordsPerRow, int groupCount)
            implements Layout {
        @Override
        public int number(int row, int column) {
            return words.nibble((long) row * wordsPerRow + column / 8, column % 8);
        }

        @Override
        public int zero(int row, int group) {
            return zeros == null ? 8 : zeros.nibble((long) (row / 8) * groupCount + group, row % 8);
        }

        @Override
        public float scale(int row, int group) {
            return scales.number((long) row * groupCount + group);
        }
    }
}

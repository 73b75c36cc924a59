package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/// A tensor in a mapped file. Any thread.
final class MappedTensor implements WeightTensor {
    private final String name;
    private final TensorType type;
    private final int rows;
    private final int columns;
    private final MemorySegment data; // [rows, rowBytes]
    private final int rowBytes;
    private final int interleavedHeadDim; // 0: the rows lie in Hugging Face's order

    private MappedTensor(String name, StoredTensor stored, int rows, int columns, int interleavedHeadDim) {
        this.name = name;
        this.type = stored.type();
        this.rows = rows;
        this.columns = columns;
        this.data = stored.data();
        this.rowBytes = Math.toIntExact(type.bytes(columns));
        this.interleavedHeadDim = interleavedHeadDim;
    }

    static MappedTensor plain(String name, StoredTensor stored, int rows, int columns) {
        return new MappedTensor(name, stored, rows, columns, 0);
    }

    /// A projection whose file keeps the two halves of each head interleaved: see [#storedRow].
    static MappedTensor interleaved(String name, StoredTensor stored, int rows, int columns, int headDim) {
        return new MappedTensor(name, stored, rows, columns, headDim);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public TensorType type() {
        return type;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    @Override
    public MemorySegment rowBytes(int row) {
        Objects.checkIndex(row, rows);
        return data.asSlice((long) storedRow(row) * rowBytes, rowBytes);
    }

    @Override
    public void readRows(int firstRow, int rowCount, MemorySegment target) {
        Objects.checkFromIndexSize(firstRow, rowCount, rows);
        byte[] stored = new byte[rowBytes];
        float[] row = new float[columns];
        long rowLength = (long) columns * Float.BYTES;
        for (int i = 0; i < rowCount; i++) {
            long at = (long) storedRow(firstRow + i) * rowBytes;
            MemorySegment.copy(data, ValueLayout.JAVA_BYTE, at, stored, 0, rowBytes);
            Dequantizer.decode(type, stored, row);
            MemorySegment.copy(row, 0, target, ValueLayout.JAVA_FLOAT_UNALIGNED, i * rowLength, columns);
        }
    }

    /// Where a row of Hugging Face's order lies in the file. Rotary positions turn the pairs (i, i + half) of a
    /// head in Hugging Face's order; llama.cpp's converter stores the rows of a pair next to each other:
    ///
    ///     Hugging Face   0 1 2 3 | 4 5 6 7      row = half * pair-side + i
    ///     in the file    0 4 1 5 2 6 3 7        row = 2 * i + pair-side
    private int storedRow(int row) {
        if (interleavedHeadDim == 0) {
            return row;
        }
        int half = interleavedHeadDim / 2;
        int inHead = row % interleavedHeadDim;
        return row - inHead + 2 * (inHead % half) + inHead / half;
    }

    @Override
    public String toString() {
        return name + " " + type + " [" + rows + ", " + columns + "]";
    }
}

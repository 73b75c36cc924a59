package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/// Some rows of a matrix as a matrix of their own. Any thread.
record RowsOf(String name, WeightTensor whole, int first, int rows) implements WeightTensor {
    @Override
    public TensorType type() {
        return whole.type();
    }

    @Override
    public int columns() {
        return whole.columns();
    }

    @Override
    public MemorySegment rowBytes(int row) {
        return whole.rowBytes(first + Objects.checkIndex(row, rows));
    }

    @Override
    public void readRows(int firstRow, int rowCount, MemorySegment target) {
        Objects.checkFromIndexSize(firstRow, rowCount, rows);
        whole.readRows(first + firstRow, rowCount, target);
    }
}

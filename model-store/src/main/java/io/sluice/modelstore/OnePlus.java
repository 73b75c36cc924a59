package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A norm's weight that is stored less one, as Gemma keeps it: numbers near zero lose less to rounding. Any
/// thread.
record OnePlus(WeightTensor stored) implements WeightTensor {

    @Override
    public String name() {
        return stored.name();
    }

    /// float32: what is read is a sum, not what is stored.
    @Override
    public TensorType type() {
        return TensorType.F32;
    }

    @Override
    public int rows() {
        return stored.rows();
    }

    @Override
    public int columns() {
        return stored.columns();
    }

    @Override
    public MemorySegment rowBytes(int row) {
        MemorySegment sums = MemorySegment.ofArray(new float[columns()]);
        readRows(row, 1, sums);
        return sums;
    }

    @Override
    public void readRows(int firstRow, int rowCount, MemorySegment target) {
        stored.readRows(firstRow, rowCount, target);
        for (long i = 0; i < (long) rowCount * columns(); i++) {
            float number = target.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            target.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, 1 + number);
        }
    }
}

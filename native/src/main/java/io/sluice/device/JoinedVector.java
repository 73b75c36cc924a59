package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Vectors that stand one after the other, as float32. A value; any thread.
record JoinedVector(String name, List<WeightTensor> parts) implements WeightTensor {

    @Override
    public TensorType type() {
        return TensorType.F32;
    }

    @Override
    public int rows() {
        return 1;
    }

    @Override
    public int columns() {
        return parts.stream().mapToInt(WeightTensor::columns).sum();
    }

    @Override
    public MemorySegment rowBytes(int row) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[columns() * Float.BYTES]);
        readRows(row, 1, bytes);
        return bytes;
    }

    @Override
    public void readRows(int firstRow, int rowCount, MemorySegment target) {
        if (firstRow != 0 || rowCount != 1) throw new IndexOutOfBoundsException("a vector has one row");
        long at = 0;
        for (WeightTensor part : parts) {
            long bytes = part.columns() * JAVA_FLOAT_UNALIGNED.byteSize();
            part.readRows(0, 1, target.asSlice(at, bytes));
            at += bytes;
        }
    }
}

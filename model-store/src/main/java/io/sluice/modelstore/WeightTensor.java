package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;

/// One tensor where it lies in its mapped file: rows of `columns` numbers of `type`. A vector is one row. Any
/// thread.
public interface WeightTensor {

    String name();

    TensorType type();

    /// Output width of a matrix, 1 of a vector.
    int rows();

    /// Numbers per row.
    int columns();

    /// The stored bytes of one row, in the model's (Hugging Face's) row order.
    MemorySegment rowBytes(int row);

    /// Decodes rows `[firstRow, firstRow + rowCount)` into `target`, row-major float32 in native byte order.
    void readRows(int firstRow, int rowCount, MemorySegment target);
}

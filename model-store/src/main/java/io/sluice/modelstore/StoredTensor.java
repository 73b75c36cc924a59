package io.sluice.modelstore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;

/// A tensor as a file's header declares it: its bytes are known to lie in the file and to fit its shape and
/// type.
///
/// @param file the file that holds it, for messages
/// @param name as the file spells it
/// @param shape outermost dimension first
/// @param data all of its bytes, mapped
record StoredTensor(Path file, String name, TensorType type, long[] shape, MemorySegment data) {

    boolean hasShape(long... wanted) {
        return Arrays.equals(shape, wanted);
    }

    /// Rows `[first, first + count)` of a matrix.
    StoredTensor rows(long first, long count) {
        long columns = shape[1];
        long rowBytes = type.bytes(columns);
        MemorySegment part = data.asSlice(first * rowBytes, count * rowBytes);
        return new StoredTensor(file, name, type, new long[] {count, columns}, part);
    }

    /// A stack of matrices as one matrix of all their rows.
    StoredTensor flattened() {
        return new StoredTensor(file, name, type, new long[] {shape[0] * shape[1], shape[2]}, data);
    }

    /// True if it has numbers and all of its bytes are zero.
    boolean isZero() {
        if (data.byteSize() == 0) return false;
        for (long at = 0; at < data.byteSize(); at++) {
            if (data.get(ValueLayout.JAVA_BYTE, at) != 0) {
                return false;
            }
        }
        return true;
    }

    String shapeInWords() {
        return Arrays.toString(shape);
    }
}

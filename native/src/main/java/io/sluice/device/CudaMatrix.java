package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/// A weight matrix `[rows, columns]` on a CUDA device, row-major, as `weights` of `sluice_cuda.h`. A value; owns
/// neither the device's memory nor its description.
///
/// @param description the C struct, in host memory
record CudaMatrix(long numbers, long scales, int rows, int columns, Format format, long description) {
    private static final int CODE_F32 = 0;
    private static final int CODE_BF16 = 1;
    private static final int CODE_Q8 = 3;
    private static final int CODE_Q4 = 4;

    /// @param host where the description is put; it must live as long as the matrix
    /// @param scales 0 if the format has none
    static CudaMatrix describe(SegmentAllocator host, long numbers, long scales, int rows, int columns, Format format) {
        MemorySegment struct = host.allocate(40, 8);
        struct.set(JAVA_LONG, 0, numbers);
        struct.set(JAVA_LONG, 8, scales);
        struct.set(JAVA_LONG, 16, rows);
        struct.set(JAVA_LONG, 24, columns);
        struct.set(JAVA_INT, 32, code(format));
        return new CudaMatrix(numbers, scales, rows, columns, format, struct.address());
    }

    /// Bytes of a matrix's numbers.
    static long numberBytes(long rows, long columns, Format format) {
        return switch (format) {
            case FLOAT32 -> 4 * rows * columns;
            case BFLOAT16 -> 2 * rows * columns;
            case INT8 -> rows * columns;
            case INT4 -> rows * columns / 2;
        };
    }

    /// Bytes of a matrix's scales, and of its minima.
    static long scaleBytes(long rows, long columns, Format format) {
        return switch (format) {
            case FLOAT32, BFLOAT16 -> 0;
            case INT8 -> 2 * rows * (columns / Format.BLOCK);
            case INT4 -> 4 * rows * (columns / Format.BLOCK);
        };
    }

    private static int code(Format format) {
        return switch (format) {
            case FLOAT32 -> CODE_F32;
            case BFLOAT16 -> CODE_BF16;
            case INT8 -> CODE_Q8;
            case INT4 -> CODE_Q4;
        };
    }
}

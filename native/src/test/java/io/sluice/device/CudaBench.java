package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.sluice.device.Kernels.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.StringJoiner;

/// A CUDA device for one check: what is put on it, read back and freed at the end, when the emulation says whether
/// anybody wrote where there was no memory. Needs no test framework, so that it also runs where there is none.
final class CudaBench implements AutoCloseable {
    final CudaDevice device;
    final CudaKernels kernels;
    final Arena host = Arena.ofConfined();
    private final Deque<Long> memory = new ArrayDeque<>();

    CudaBench(CudaLibrary library) {
        device = new CudaDevice(library, 0);
        kernels = new CudaKernels(device);
    }

    /// Device memory, its address a multiple of 64.
    long room(long bytes) {
        long address = device.alloc(bytes);
        memory.push(address);
        return address;
    }

    long put(MemorySegment values) {
        long address = room(values.byteSize());
        device.copy(address, values.address(), values.byteSize());
        device.await();
        return address;
    }

    long ints(int... values) {
        return put(host.allocateFrom(JAVA_INT, values));
    }

    long longs(long... values) {
        return put(host.allocateFrom(JAVA_LONG, values));
    }

    long floats(float... values) {
        return put(host.allocateFrom(JAVA_FLOAT, values));
    }

    /// Rows with gaps between them that hold NaN, in float32 or bfloat16.
    Rows rows(float[][] values, Format format) {
        int width = values[0].length;
        int stride = Math.ceilDiv(width, 8) * 8 + 8;
        MemorySegment numbers = host.allocate((long) values.length * stride * format.unitBytes(), 64);
        numbers.fill((byte) 0xff);
        for (int r = 0; r < values.length; r++) {
            for (int i = 0; i < width; i++) {
                long at = (long) r * stride + i;
                if (format == Format.FLOAT32) numbers.setAtIndex(JAVA_FLOAT, at, values[r][i]);
                else numbers.setAtIndex(JAVA_SHORT, at, WeightReader.bfloat16(values[r][i]));
            }
        }
        return new Rows(put(numbers), stride, format);
    }

    /// Room for rows that a kernel writes.
    Rows emptyRows(int count, int width, Format format) {
        int stride = format == Format.INT8 ? width / Format.BLOCK : Math.ceilDiv(width, 8) * 8 + 8;
        long bytes = (long) count * stride * format.unitBytes();
        long address = room(bytes);
        device.fill(address, 0xff, bytes);
        return new Rows(address, stride, format);
    }

    /// A row-major matrix of float32 or bfloat16.
    CudaMatrix matrix(float[][] values, Format format) {
        int columns = values[0].length;
        MemorySegment numbers = host.allocate((long) values.length * columns * format.unitBytes(), 64);
        for (int r = 0; r < values.length; r++) {
            for (int i = 0; i < columns; i++) {
                long at = (long) r * columns + i;
                if (format == Format.FLOAT32) numbers.setAtIndex(JAVA_FLOAT, at, values[r][i]);
                else numbers.setAtIndex(JAVA_SHORT, at, WeightReader.bfloat16(values[r][i]));
            }
        }
        return CudaMatrix.describe(host, put(numbers), 0, values.length, columns, format);
    }

    MemorySegment read(long address, long bytes) {
        MemorySegment copy = host.allocate(bytes, 64);
        device.copy(copy.address(), address, bytes);
        device.await();
        return copy;
    }

    /// What stands in rows, as numbers; those of bytes with their scales applied.
    float[][] read(Rows rows, int count, int width) {
        MemorySegment copy = read(
                rows.address(), (long) count * rows.stride() * rows.format().unitBytes());
        float[][] values = new float[count][width];
        for (int r = 0; r < count; r++) {
            for (int i = 0; i < width; i++) values[r][i] = number(copy, rows, r, i);
        }
        return values;
    }

    private static float number(MemorySegment copy, Rows rows, int row, int i) {
        return switch (rows.format()) {
            case FLOAT32 -> copy.getAtIndex(JAVA_FLOAT, (long) row * rows.stride() + i);
            case BFLOAT16 -> Float.intBitsToFloat(copy.getAtIndex(JAVA_SHORT, (long) row * rows.stride() + i) << 16);
            case INT8 -> {
                long block = ((long) row * rows.stride() + i / Format.BLOCK) * Format.INT8.unitBytes();
                yield copy.get(java.lang.foreign.ValueLayout.JAVA_BYTE, block + i % Format.BLOCK)
                        * copy.get(JAVA_FLOAT, block + Format.BLOCK);
            }
            case INT4 -> throw new IllegalArgumentException("no rows of half bytes");
        };
    }

    @Override
    public void close() {
        try {
            device.await();
            while (!memory.isEmpty()) device.free(memory.pop());
        } finally {
            device.close();
            host.close();
        }
    }

    /// @param what was checked, in words that are put together if it does not hold
    static void expect(boolean holds, Object... what) {
        if (!holds) throw new AssertionError(words(what));
    }

    static void expectClose(double actual, double expected, double tolerance, Object... what) {
        // Written so that NaN is close to nothing.
        if (!(Math.abs(actual - expected) <= tolerance)) {
            throw new AssertionError(
                    "%s: %.9g instead of %.9g (within %.3g)".formatted(words(what), actual, expected, tolerance));
        }
    }

    private static String words(Object[] what) {
        StringJoiner words = new StringJoiner(" ");
        for (Object each : what) words.add(String.valueOf(each));
        return words.toString();
    }
}

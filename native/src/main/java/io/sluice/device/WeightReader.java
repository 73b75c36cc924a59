package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/// Decodes weights from their files into memory that the caller owns, on several threads. One use: `add` what is to be
/// read, then `readAll`. One thread calls.
final class WeightReader {
    /// Numbers that a thread decodes at once: small enough for the second-level cache together with their source.
    private static final int CHUNK_NUMBERS = 64 * 1024;

    /// Rows `[firstRow, firstRow + rowCount)` of a tensor and where they go.
    private record Chunk(WeightTensor source, int firstRow, int rowCount, Dtype dtype, MemorySegment target) {}

    private final List<Chunk> chunks = new ArrayList<>();

    /// Notes that `source` goes to `target`, row-major, in this type. bfloat16 is rounded to nearest, ties to even.
    void add(WeightTensor source, Dtype dtype, MemorySegment target) {
        int rows = source.rows();
        int columns = source.columns();
        long rowBytes = (long) columns * dtype.bytes();
        if (target.byteSize() != rows * rowBytes) {
            throw new IllegalArgumentException(source.name() + " does not fit " + target.byteSize() + " bytes");
        }
        int chunkRows = Math.max(1, CHUNK_NUMBERS / columns);
        for (int first = 0; first < rows; first += chunkRows) {
            int count = Math.min(chunkRows, rows - first);
            chunks.add(new Chunk(source, first, count, dtype, target.asSlice(first * rowBytes, count * rowBytes)));
        }
    }

    /// Decodes everything that was added. Returns when all of it is there.
    void readAll(int threadCount) {
        AtomicInteger next = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        List<Throwable> failures = new ArrayList<>();
        for (int i = 1; i < threadCount; i++) {
            threads.add(Thread.ofPlatform().name("weights-" + i).start(() -> readFrom(next, failures)));
        }
        readFrom(next, failures);
        for (Thread thread : threads) joinQuietly(thread);
        synchronized (failures) {
            for (Throwable failure : failures) {
                if (failure instanceof RuntimeException e) throw e;
                if (failure instanceof Error e) throw e;
            }
        }
    }

    /// Takes chunks in file order, so that all threads read near each other, until none is left or one failed.
    private void readFrom(AtomicInteger next, List<Throwable> failures) {
        try (Arena arena = Arena.ofConfined()) {
            int numbers = chunks.stream()
                    .mapToInt(chunk -> chunk.rowCount * chunk.source.columns())
                    .max()
                    .orElse(1);
            MemorySegment floats = arena.allocate(4L * numbers, 64);
            for (int i = next.getAndIncrement(); i < chunks.size(); i = next.getAndIncrement()) {
                read(chunks.get(i), floats);
            }
        } catch (RuntimeException | Error e) {
            next.set(Integer.MAX_VALUE / 2);
            synchronized (failures) {
                failures.add(e);
            }
        }
    }

    private static void read(Chunk chunk, MemorySegment floats) {
        switch (chunk.dtype) {
            case FLOAT32 -> chunk.source.readRows(chunk.firstRow, chunk.rowCount, chunk.target);
            case BFLOAT16 -> {
                if (chunk.source.type() == TensorType.BF16) {
                    copyRows(chunk);
                } else {
                    chunk.source.readRows(chunk.firstRow, chunk.rowCount, floats);
                    toBfloat16(floats, chunk.target, chunk.rowCount * chunk.source.columns());
                }
            }
        }
    }

    /// bfloat16 in the file is bfloat16 in memory: both are little-endian.
    private static void copyRows(Chunk chunk) {
        long rowBytes = chunk.source.columns() * 2L;
        for (int row = 0; row < chunk.rowCount; row++) {
            MemorySegment.copy(chunk.source.rowBytes(chunk.firstRow + row), 0, chunk.target, row * rowBytes, rowBytes);
        }
    }

    /// Writes `count` float32 numbers as bfloat16.
    static void toBfloat16(MemorySegment floats, MemorySegment target, int count) {
        for (int i = 0; i < count; i++) {
            target.setAtIndex(JAVA_SHORT, i, bfloat16(floats.getAtIndex(JAVA_FLOAT, i)));
        }
    }

    /// The nearest bfloat16, the even one of two; a NaN stays one.
    static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int rounded = (bits + 0x7fff + (bits >>> 16 & 1)) >>> 16;
        return (short) (Float.isNaN(value) ? bits >>> 16 | 0x40 : rounded);
    }

    private static void joinQuietly(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
    }
}

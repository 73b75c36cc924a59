package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Products by our own kernels, on packed weights. A row's product never depends on the other rows. A value.
///
/// @param weights what weights become that are not kept as they are stored
/// @param keepsQuantised weights of 4 and 8 bits are packed as they are stored, and multiplied by bytes
record KernelProducts(Kernels kernels, Dtype weights, boolean keepsQuantised) implements Products {

    @Override
    public Format format(FusedWeights.Matrix matrix) {
        TensorType type = matrix.parts().getFirst().type();
        boolean alike = matrix.parts().stream().allMatch(part -> part.type() == type);
        boolean wholeBlocks = matrix.inputRun() % Format.BLOCK == 0 && matrix.columns() % Format.BLOCK == 0;
        if (!keepsQuantised || !alike || !wholeBlocks) return Format.of(weights);
        return switch (type) {
            case Q8_0 -> Format.INT8;
            case Q4_0, Q4_1 -> Format.INT4;
            case F32, F16, BF16, Q4_K, Q6_K -> Format.of(weights);
        };
    }

    @Override
    public long bytes(int rows, int columns, Format format) {
        return PackedMatrix.bytes(rows, columns, format);
    }

    @Override
    public long inputBytes(long count, int width) {
        return count * stride(width) * Format.FLOAT32.unitBytes(); // the widest
    }

    @Override
    public Kernels.Rows input(long address, int width, Format format) {
        int stride = format == Format.INT8 ? Math.ceilDiv(width, Format.BLOCK) : stride(width);
        return new Kernels.Rows(address, stride, format);
    }

    /// Rows end in zeros up to an even width, and are a little further apart: rows a power of two apart would fight for
    /// one set of the first-level cache.
    private static int stride(int width) {
        return PackedMatrix.padded(width) + 2 * PackedMatrix.PANEL;
    }

    @Override
    public long scratchBytes() {
        return 0;
    }

    @Override
    public Matrix matrix(long address, int rows, int columns, Format format) {
        boolean rounds = format == Format.BFLOAT16 && kernels.instructionSet().multipliesBf16();
        Format inputs = format.isQuantised() ? Format.INT8 : rounds ? Format.BFLOAT16 : Format.FLOAT32;
        return new Packed(kernels, new PackedMatrix(address, rows, columns, format), inputs);
    }

    @Override
    public void close() {}

    private record Packed(Kernels kernels, PackedMatrix packed, Format inputs) implements Matrix {
        @Override
        public void put(FusedWeights.Matrix weights, int first, int end) {
            TensorType type = weights.parts().getFirst().type();
            boolean stored = packed.format().isQuantised()
                    || (packed.format() == Format.BFLOAT16
                            && weights.parts().stream().allMatch(part -> part.type() == TensorType.BF16));
            long rowBytes = stored ? type.bytes(packed.columns()) : (long) packed.columns() * Float.BYTES;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment rows = arena.allocate(rowBytes * PackedMatrix.PANEL, JAVA_FLOAT.byteAlignment());
                for (int row = first; row < end; row += PackedMatrix.PANEL) {
                    int count = Math.min(PackedMatrix.PANEL, end - row);
                    int panel = row / PackedMatrix.PANEL;
                    if (stored) {
                        weights.copyRows(row, row + count, rows);
                        kernels.packStored(type, rows.address(), count, packed, panel);
                    } else {
                        weights.readRows(row, row + count, rows);
                        kernels.pack(rows.address(), count, packed, panel);
                    }
                }
            }
        }

        @Override
        public void embed(long tokens, Kernels.Rows out, int rowCount) {
            kernels.embed(packed, tokens, out, rowCount);
        }

        @Override
        public void multiply(Kernels.Rows x, Kernels.Rows y, int rowCount) {
            kernels.multiply(x, packed, y, rowCount);
        }

        @Override
        public void multiplyAdd(Kernels.Rows x, Kernels.Rows y, int rowCount) {
            kernels.multiplyAdd(x, packed, y, rowCount);
        }
    }
}

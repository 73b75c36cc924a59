package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Products by our own kernels, on packed weights. A row's product never depends on the other rows. A value.
///
/// @param weights what weights become that are not kept as they are stored
/// @param keepsQuantised quantised weights are packed as they are stored, or in the type that is nearest,
/// and multiplied by bytes
record KernelProducts(Kernels kernels, Dtype weights, boolean keepsQuantised) implements Products {

    @Override
    public Format format(FusedWeights.Matrix matrix) {
        boolean quantised = matrix.parts().stream().allMatch(part -> part.type().isQuantised());
        boolean wholeBlocks = matrix.inputRun() % Format.BLOCK == 0 && matrix.columns() % Format.BLOCK == 0;
        if (!keepsQuantised || !quantised || !wholeBlocks) return Format.of(weights);
        return switch (onlyType(matrix)) {
            case Q4_0, Q4_1, Q4_K, INT4 -> Format.INT4;
            case null, default -> Format.INT8;
        };
    }

    /// The type of all parts; null if they differ.
    private static @Nullable TensorType onlyType(FusedWeights.Matrix matrix) {
        TensorType type = matrix.parts().getFirst().type();
        return matrix.parts().stream().allMatch(part -> part.type() == type) ? type : null;
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
            Source source = source(weights);
            long rowBytes =
                    source.read == null ? (long) packed.columns() * Float.BYTES : source.read.bytes(packed.columns());
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment rows = arena.allocate(rowBytes * PackedMatrix.PANEL, JAVA_FLOAT.byteAlignment());
                MemorySegment repacked = arena.allocate(
                        source.pack == null ? 1 : source.pack.bytes(packed.columns()) * PackedMatrix.PANEL, 4);
                for (int row = first; row < end; row += PackedMatrix.PANEL) {
                    int count = Math.min(PackedMatrix.PANEL, end - row);
                    if (source.read == null) weights.readRows(row, row + count, rows);
                    else weights.copyRows(row, row + count, rows);
                    pack(source, rows, repacked, count, row / PackedMatrix.PANEL);
                }
            }
        }

        private void pack(Source source, MemorySegment rows, MemorySegment repacked, int count, int panel) {
            if (source.pack == null) {
                kernels.pack(rows.address(), count, packed, panel);
            } else if (source.pack == source.read) {
                kernels.packStored(source.pack, rows.address(), count, packed, panel);
            } else {
                int numbers = count * packed.columns();
                if (source.read == null) Requantising.toQ8(rows, numbers, repacked);
                else Requantising.toQ4(rows, numbers, repacked);
                kernels.packStored(source.pack, repacked.address(), count, packed, panel);
            }
        }

        /// How rows come: as they are stored in the type `read`, or decoded if that is null; and as which
        /// type they are packed, or as numbers if that is null.
        private record Source(
                @Nullable TensorType read, @Nullable TensorType pack) {}

        private Source source(FusedWeights.Matrix weights) {
            TensorType type = onlyType(weights);
            return switch (packed.format()) {
                case FLOAT32 -> new Source(null, null);
                case BFLOAT16 -> type == TensorType.BF16 ? new Source(type, type) : new Source(null, null);
                case INT4 -> type == TensorType.Q4_K ? new Source(type, TensorType.Q4_1) : new Source(type, type);
                case INT8 ->
                    type == TensorType.Q8_0 || type == TensorType.INT8
                            ? new Source(type, type)
                            : new Source(null, TensorType.Q8_0);
            };
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

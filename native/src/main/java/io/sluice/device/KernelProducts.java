package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.MemorySegment;

/// Products by our own kernels, on packed weights. A row's product never depends on the other rows. A value.
record KernelProducts(Kernels kernels, Dtype weights) implements Products {

    /// The weights' type where the processor multiplies it, else float32.
    @Override
    public Dtype activations() {
        return kernels.instructionSet().multipliesBf16() ? weights : Dtype.FLOAT32;
    }

    /// Rows end in zeros up to an even width, and are a little further apart: rows a power of two apart would fight for
    /// one set of the first-level cache.
    @Override
    public int stride(int width) {
        return PackedMatrix.padded(width) + 2 * PackedMatrix.PANEL;
    }

    @Override
    public long bytes(int rows, int columns) {
        return PackedMatrix.bytes(rows, columns, weights);
    }

    @Override
    public long scratchBytes() {
        return 0;
    }

    @Override
    public Matrix matrix(long address, int rows, int columns) {
        return new Packed(kernels, new PackedMatrix(address, rows, columns, weights));
    }

    @Override
    public void close() {}

    private record Packed(Kernels kernels, PackedMatrix packed) implements Matrix {
        @Override
        public void put(int first, int count, MemorySegment floats) {
            long panel = packed.panelAddress(first / PackedMatrix.PANEL);
            kernels.pack(packed.dtype(), floats.address(), count, packed.columns(), panel);
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

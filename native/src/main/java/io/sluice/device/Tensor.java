package io.sluice.device;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A libtorch tensor outside DJL: made through the C interface because DJL cannot make bfloat16, and
/// because a step must make none. It has exactly one owner, who closes it; views are tensors with owners of
/// their own. Any thread that called `Torch.prepareThread`, one at a time.
final class Tensor implements AutoCloseable {
    private final Dtype dtype;
    private final long[] shape;
    private final long[] strides; // in numbers, not bytes
    private final long address; // of the first number
    private long handle; // libtorch's `at::Tensor*`; 0 once closed

    private Tensor(Dtype dtype, long[] shape, long[] strides, long handle) {
        this.dtype = dtype;
        this.shape = shape;
        this.strides = strides;
        this.handle = handle;
        address = TorchAbi.dataPointer(handle);
    }

    /// A row-major tensor in memory of libtorch's own, not filled.
    static Tensor empty(Dtype dtype, long... shape) {
        long[] strides = rowMajor(shape);
        return new Tensor(dtype, shape.clone(), strides, TorchAbi.emptyStrided(dtype, shape, strides));
    }

    /// A row-major tensor over native memory, which must stay as long as the tensor and its views.
    static Tensor over(MemorySegment memory, Dtype dtype, long... shape) {
        if (!memory.isNative()) throw new IllegalArgumentException("libtorch cannot see the Java heap");
        long bytes = numberCount(shape) * dtype.bytes();
        if (memory.byteSize() < bytes) {
            throw new IllegalArgumentException("%s of %s is %d bytes, the memory has %d"
                    .formatted(Arrays.toString(shape), dtype, bytes, memory.byteSize()));
        }
        long[] strides = rowMajor(shape);
        return new Tensor(dtype, shape.clone(), strides, TorchAbi.fromBlob(memory.address(), dtype, shape, strides));
    }

    /// A row-major matrix over memory of any device, which must stay as long as the tensor and its views.
    static Tensor at(TorchAbi.Place place, long address, Dtype dtype, long rows, long columns) {
        long[] shape = {rows, columns};
        long[] strides = rowMajor(shape);
        return new Tensor(dtype, shape, strides, TorchAbi.fromBlob(place, address, dtype, shape, strides));
    }

    /// A view of the same memory with other sizes and strides, starting `offset` numbers after this
    /// tensor's first.
    Tensor view(long offset, long[] viewShape, long[] viewStrides) {
        return new Tensor(
                dtype,
                viewShape.clone(),
                viewStrides.clone(),
                TorchAbi.reinterpret(handle(), viewShape, viewStrides, offset));
    }

    /// Rows `[first, first + count)` of a matrix, as a view.
    Tensor rows(long first, long count) {
        if (shape.length != 2 || first < 0 || count < 1 || first + count > shape[0]) {
            throw new IllegalArgumentException("rows [%d, %d) of %s".formatted(first, first + count, this));
        }
        return view(first * strides[0], new long[] {count, shape[1]}, strides);
    }

    /// The matrix with rows and columns exchanged, as a view.
    Tensor transposed() {
        if (shape.length != 2) throw new IllegalArgumentException("no matrix: " + this);
        return view(0, new long[] {shape[1], shape[0]}, new long[] {strides[1], strides[0]});
    }

    /// `out = a b` for matrices of one type. Hot path: allocates nothing.
    static void multiply(Tensor out, Tensor a, Tensor b) {
        if (!fits(out, a, b) || TorchAbi.mmOut(out.handle(), a.handle(), b.handle()) != 0) {
            throw refused("multiply", out, a, b);
        }
    }

    /// `out += a b` for matrices of one type. Hot path: allocates nothing.
    static void multiplyAdd(Tensor out, Tensor a, Tensor b) {
        if (!fits(out, a, b) || TorchAbi.addmmOut(out.handle(), out.handle(), a.handle(), b.handle(), 1, 1) != 0) {
            throw refused("multiply and add", out, a, b);
        }
    }

    Dtype dtype() {
        return dtype;
    }

    /// Length of dimension `dimension`.
    long size(int dimension) {
        return shape[dimension];
    }

    long address() {
        return address;
    }

    /// The tensor's memory, if it is row-major. Valid until the memory's owner lets go of it.
    MemorySegment memory() {
        if (!Arrays.equals(strides, rowMajor(shape))) throw new IllegalArgumentException("not row-major: " + this);
        return MemorySegment.ofAddress(address).reinterpret(numberCount(shape) * dtype.bytes());
    }

    /// The same memory as an array of DJL's, owned by `manager`.
    NDArray toNDArray(NDManager manager) {
        if (dtype != Dtype.FLOAT32) throw new IllegalArgumentException("DJL cannot hold " + this);
        return new PtNDArray((PtNDManager) manager, TorchAbi.reinterpret(handle(), shape, strides, 0));
    }

    /// The memory of a row-major float32 array of DJL's, valid until that is closed.
    static MemorySegment memoryOf(NDArray array) {
        long address = TorchAbi.dataPointer(((PtNDArray) array).getHandle());
        return MemorySegment.ofAddress(address).reinterpret(array.size() * Dtype.FLOAT32.bytes());
    }

    /// libtorch's handle, still owned by this tensor.
    long handle() {
        if (handle == 0) throw new IllegalStateException("closed: " + this);
        return handle;
    }

    @Override
    public void close() {
        if (handle == 0) return;
        TorchAbi.delete(handle);
        handle = 0;
    }

    @Override
    public String toString() {
        return dtype + Arrays.toString(shape);
    }

    private static boolean fits(Tensor out, Tensor a, Tensor b) {
        return out.shape.length == 2
                && a.shape.length == 2
                && b.shape.length == 2
                && a.shape[1] == b.shape[0]
                && out.shape[0] == a.shape[0]
                && out.shape[1] == b.shape[1]
                && out.dtype == a.dtype
                && a.dtype == b.dtype;
    }

    private static TorchFailed refused(String operation, Tensor out, Tensor a, Tensor b) {
        return new TorchFailed("cannot %s %s by %s into %s".formatted(operation, a, b, out));
    }

    private static long numberCount(long[] shape) {
        long count = 1;
        for (long size : shape) count = Math.multiplyExact(count, size);
        return count;
    }

    private static long[] rowMajor(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }
}

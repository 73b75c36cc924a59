package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.List;

/// libtorch for CPUs in the place of that for GPUs: memory of the emulated device is memory that it can
/// use. Its products are queued on the emulated stream, so they are recorded in graphs, too. The device's
/// thread.
final class EmulatedTorch implements TorchDevice {
    private final CudaDevice device;
    private final MethodHandle queue;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment callback;
    private final List<Product> products = new ArrayList<>(); // of all calls so far: graphs go on naming them
    private int executed;
    private boolean refusing;
    private boolean closed;

    private record Product(long out, long a, long b) {}

    EmulatedTorch(CudaDevice device) {
        this.device = device;
        Torch.start(1);
        Torch.prepareThread();
        queue = device.library().bind("sluice_cuda_emulated_call", JAVA_LONG, JAVA_LONG, JAVA_LONG);
        try {
            MethodHandle execute = MethodHandles.lookup()
                    .findVirtual(EmulatedTorch.class, "execute", MethodType.methodType(void.class, long.class))
                    .bindTo(this);
            callback = Linker.nativeLinker().upcallStub(execute, FunctionDescriptor.ofVoid(JAVA_LONG), arena);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    /// From now on no product can be computed.
    void refuse() {
        refusing = true;
    }

    /// Products that were computed, not only queued.
    int executed() {
        return executed;
    }

    boolean isClosed() {
        return closed;
    }

    @Override
    public TorchAbi.Place place() {
        return TorchAbi.Place.cpu();
    }

    @Override
    public int multiply(long out, long a, long b) {
        if (closed) throw new IllegalStateException("libtorch was closed before what uses it");
        if (refusing) return 1;
        products.add(new Product(out, a, b));
        try {
            return (int) queue.invokeExact(callback.address(), products.size() - 1L, device.stream());
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// Called from native code, which an exception must not pass.
    void execute(long index) {
        Product product = products.get((int) index);
        if (TorchAbi.mmOut(product.out, product.a, product.b) == 0) executed++;
    }

    @Override
    public void close() {
        closed = true;
        arena.close();
    }
}

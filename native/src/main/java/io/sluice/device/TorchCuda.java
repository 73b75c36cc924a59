package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/// libtorch's product on a CUDA device, by the C functions of `libtorch_cuda`. The thread that opens it,
/// which is the device's. **Not yet run on a GPU.**
///
/// For as long as it is open, our stream is libtorch's current one on this thread, by libtorch's own guard,
/// which also makes the device its current one. So its work is queued between our kernels, in order and
/// without waiting; a graph that is being recorded takes it in; and libtorch never changes the thread's
/// device under us, as it would for each call if it took device 0 for the current one. The other way round,
/// our kernels on libtorch's stream, will not do: that is the default stream, which cannot be recorded.
final class TorchCuda implements TorchDevice {
    private static final Linker LINKER = Linker.nativeLinker();

    private final TorchAbi.Place place;
    private final MethodHandle multiply;
    private final MethodHandle closeGuard;
    private final long guard;
    private boolean closed;

    /// True if the operator has named a libtorch with CUDA: loading one without would take time and memory
    /// for nothing.
    static boolean isOffered(Map<String, String> environment) {
        String folder = environment.getOrDefault("PYTORCH_LIBRARY_PATH", "");
        if (!folder.isEmpty()) return Files.isRegularFile(library(Path.of(folder)));
        return environment.getOrDefault("PYTORCH_FLAVOR", "").startsWith("cu");
    }

    private static Path library(Path folder) {
        return folder.resolve(System.mapLibraryName("torch_cuda"));
    }

    /// Starts libtorch and gives it our stream.
    ///
    /// @throws TorchFailed if it cannot be loaded, has no CUDA, or does not take the stream
    static TorchCuda open(CudaDevice device) {
        Torch.start(1);
        Torch.prepareThread();
        Path file = library(Torch.loadedLibrary().resolveSibling("."));
        if (!Files.isRegularFile(file)) {
            throw new TorchFailed("the libtorch that is loaded is one for CPUs: " + file.normalize()
                    + " is not there. Set PYTORCH_LIBRARY_PATH to a folder with libtorch 2.7.1 for CUDA,"
                    + " PYTORCH_VERSION=2.7.1 and PYTORCH_FLAVOR=cu128");
        }
        try {
            return new TorchCuda(device, SymbolLookup.libraryLookup(file, Arena.global()));
        } catch (IllegalArgumentException e) {
            throw new TorchFailed(file.normalize() + " does not load: " + e.getMessage(), e);
        }
    }

    private TorchCuda(CudaDevice device, SymbolLookup library) {
        multiply = bind(library, "aoti_torch_cuda_mm_out", JAVA_LONG, JAVA_LONG, JAVA_LONG);
        MethodHandle openGuard = bind(library, "aoti_torch_create_cuda_stream_guard", JAVA_LONG, JAVA_INT, JAVA_LONG);
        closeGuard = bind(library, "aoti_torch_delete_cuda_stream_guard", JAVA_LONG);
        MethodHandle current = bind(library, "aoti_torch_get_current_cuda_stream", JAVA_INT, JAVA_LONG);
        MethodHandle type = bind(library, "aoti_torch_device_type_cuda");
        try (Arena arena = Arena.ofConfined()) {
            place = new TorchAbi.Place((int) type.invokeExact(), device.index());
            MemorySegment out = arena.allocate(JAVA_LONG);
            check((int) openGuard.invokeExact(device.stream(), device.index(), out.address()), "stream guard");
            guard = out.get(JAVA_LONG, 0);
            check((int) current.invokeExact(device.index(), out.address()), "current stream");
            if (out.get(JAVA_LONG, 0) != device.stream()) {
                close();
                throw new TorchFailed("libtorch works on a stream of its own, not on ours");
            }
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    private static MethodHandle bind(SymbolLookup library, String name, MemoryLayout... arguments) {
        return library.find(name)
                .map(address -> LINKER.downcallHandle(address, FunctionDescriptor.of(JAVA_INT, arguments)))
                .orElseThrow(() -> new TorchFailed("libtorch lacks " + name + ". Use libtorch 2.7.1."));
    }

    private static void check(int status, String function) {
        if (status != 0) throw new TorchFailed("libtorch's " + function + " failed; see stderr");
    }

    @Override
    public TorchAbi.Place place() {
        return place;
    }

    @Override
    public int multiply(long out, long a, long b) {
        if (closed) throw new IllegalStateException("libtorch's device was closed");
        try {
            return (int) multiply.invokeExact(out, a, b);
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    @Override
    public void close() {
        if (closed) return;
        closed = true;
        try {
            check((int) closeGuard.invokeExact(guard), "stream guard");
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }
}

package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/// A shared library of CUDA kernels (`src/main/cuda`): the one that nvcc made, or its emulation on a
/// processor, known to be of this version. Stays loaded for the life of the process. Any thread.
final class CudaLibrary {

    /// `SLUICE_CUDA_ABI` of `sluice_cuda.h`.
    private static final int ABI = 2;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final int TEXT_BYTES = 256;
    private static final int FACTS = 6;

    private final SymbolLookup symbols;
    private final MethodHandle error;

    /// Why the kernels cannot be used here, in words for the log.
    static final class Unavailable extends Exception {
        Unavailable(String why) {
            super(why);
        }
    }

    private CudaLibrary(SymbolLookup symbols) {
        this.symbols = symbols;
        error = bind("sluice_cuda_error", JAVA_INT, JAVA_LONG, JAVA_LONG);
    }

    /// The library that the build put beside the classes.
    ///
    /// @throws Unavailable if the build had no nvcc, or the library does not load or is of another version
    static CudaLibrary load() throws Unavailable {
        return loadResource("libsluice_cuda.so", "this build has no CUDA kernels (an nvcc at build time makes them)");
    }

    /// @param ifMissing why there may be no such resource
    static CudaLibrary loadResource(String name, String ifMissing) throws Unavailable {
        try (InputStream bytes = CudaLibrary.class.getResourceAsStream(name)) {
            if (bytes == null) throw new Unavailable(ifMissing);
            // An open library needs no name: the file can go at once.
            Path file = Files.createTempFile("sluice-cuda", ".so");
            try {
                Files.copy(bytes, file, StandardCopyOption.REPLACE_EXISTING);
                return load(file);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new Unavailable("the CUDA kernels do not load: " + e.getMessage());
        }
    }

    static CudaLibrary load(Path file) throws Unavailable {
        CudaLibrary library;
        try {
            library = new CudaLibrary(SymbolLookup.libraryLookup(file, Arena.global()));
        } catch (IllegalArgumentException e) {
            throw new Unavailable("the CUDA kernels do not load: " + e.getMessage());
        }
        int abi = library.call("sluice_cuda_abi");
        if (abi != ABI) throw new Unavailable("the CUDA kernels are of version " + abi + ", not " + ABI);
        return library;
    }

    /// True if the kernels run on a processor.
    boolean isEmulated() {
        return call("sluice_cuda_is_emulated") == 1;
    }

    /// How many devices CUDA finds.
    ///
    /// @throws Unavailable if there is no driver, or none that is new enough
    int deviceCount() throws Unavailable {
        MethodHandle count = bind("sluice_cuda_device_count", JAVA_LONG);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(JAVA_INT);
            int status = (int) count.invokeExact(result.address());
            if (status != 0) throw new Unavailable("CUDA finds no device: " + errorText(status));
            return result.get(JAVA_INT, 0);
        } catch (Unavailable e) {
            throw e;
        } catch (Throwable e) {
            throw KernelLibrary.impossible(e);
        }
    }

    /// What a device is. Takes nothing of it.
    ///
    /// @throws CudaFailed if there is no such device
    CudaDevice.Facts facts(int index) {
        MethodHandle describe = bind("sluice_cuda_describe", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(TEXT_BYTES);
            MemorySegment facts = arena.allocate(JAVA_LONG, FACTS);
            check("describing CUDA device " + index, (int)
                    describe.invokeExact(index, name.address(), (long) TEXT_BYTES, facts.address()));
            return new CudaDevice.Facts(
                    name.getString(0),
                    (int) facts.getAtIndex(JAVA_LONG, 0),
                    (int) facts.getAtIndex(JAVA_LONG, 1),
                    (int) facts.getAtIndex(JAVA_LONG, 2),
                    facts.getAtIndex(JAVA_LONG, 5));
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
    }

    /// A handle on a function that returns an int. Pointers travel as numbers.
    MethodHandle bind(String name, MemoryLayout... arguments) {
        return LINKER.downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, arguments));
    }

    /// @throws IllegalArgumentException if a function refused its arguments
    /// @throws CudaFailed if CUDA did
    void check(String what, int status) {
        if (status < 0) throw new IllegalArgumentException(what + " refused its arguments (" + status + ")");
        if (status > 0) throw new CudaFailed(what, errorText(status));
    }

    private String errorText(int status) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(TEXT_BYTES);
            int ignored = (int) error.invokeExact(status, text.address(), (long) TEXT_BYTES);
            return ignored == 0 ? text.getString(0) : "error " + status;
        } catch (Throwable e) {
            throw KernelLibrary.impossible(e);
        }
    }

    private int call(String name) {
        try {
            return (int) bind(name).invokeExact();
        } catch (Throwable e) {
            throw KernelLibrary.impossible(e);
        }
    }
}

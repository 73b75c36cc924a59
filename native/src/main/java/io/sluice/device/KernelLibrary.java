package io.sluice.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
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
import java.util.Locale;

/// The shared library of CPU kernels that the build puts beside the classes: found, loaded, and known to be of this
/// version. Stays loaded for the life of the process. Any thread.
final class KernelLibrary {

    /// `SLUICE_ABI` of `sluice.h`.
    private static final int ABI = 3;

    private static final Linker LINKER = Linker.nativeLinker();

    private final SymbolLookup symbols;

    /// Why the kernels cannot be used here, in words for the log.
    static final class Unavailable extends Exception {
        private final String why;

        Unavailable(String why) {
            super(why);
            this.why = why;
        }

        String why() {
            return why;
        }
    }

    private KernelLibrary(SymbolLookup symbols) {
        this.symbols = symbols;
    }

    /// @throws Unavailable if the build had no compiler, or the library does not load, is of another version or wrong
    /// here
    static KernelLibrary load() throws Unavailable {
        KernelLibrary library;
        try (InputStream bytes = KernelLibrary.class.getResourceAsStream(resource())) {
            if (bytes == null) {
                throw new Unavailable(
                        "this build has no CPU kernels for " + platform() + " (a C compiler at build time makes them)");
            }
            // An open library needs no name: the file can go at once.
            Path file = Files.createTempFile("sluice", ".so");
            try {
                Files.copy(bytes, file, StandardCopyOption.REPLACE_EXISTING);
                library = new KernelLibrary(SymbolLookup.libraryLookup(file, Arena.global()));
            } finally {
                Files.delete(file);
            }
        } catch (IOException | IllegalArgumentException e) {
            throw new Unavailable("the CPU kernels do not load: " + e.getMessage());
        }
        int abi = library.abi();
        if (abi != ABI) throw new Unavailable("the CPU kernels are of version " + abi + ", not " + ABI);
        InstructionSet best = library.best();
        if (!library.multipliesRight(best)) {
            throw new Unavailable("the CPU kernels for " + best.symbol() + " give wrong numbers on this processor");
        }
        return library;
    }

    /// True if the build made the library for this platform; that it cannot be used all the same is then a fault.
    static boolean isBuilt() {
        return KernelLibrary.class.getResource(resource()) != null;
    }

    private static String resource() {
        return platform() + "/libsluice_kernels.so";
    }

    /// One small product, which comes out exactly, or the library is not for here.
    private boolean multipliesRight(InstructionSet set) {
        try (Kernels kernels = new Kernels(this, set, 1);
                Arena arena = Arena.ofConfined()) {
            int width = PackedMatrix.PANEL;
            MemorySegment numbers = arena.allocate((long) width * width * Float.BYTES, Region.ALIGNMENT);
            for (int i = 0; i < width * width; i++) numbers.setAtIndex(JAVA_FLOAT, i, i % 7);
            long bytes = PackedMatrix.bytes(width, width, Format.FLOAT32);
            long panel = arena.allocate(bytes, Region.ALIGNMENT).address();
            PackedMatrix weights = new PackedMatrix(panel, width, width, Format.FLOAT32);
            kernels.pack(numbers.address(), width, weights, 0);
            MemorySegment product = arena.allocate(2L * PackedMatrix.PANEL * Float.BYTES, Region.ALIGNMENT);
            Kernels.Rows x = new Kernels.Rows(numbers.address(), width, Format.FLOAT32);
            kernels.multiply(x, weights, new Kernels.Rows(product.address(), 2 * width, Format.FLOAT32), 1);
            for (int column = 0; column < width; column++) {
                int expected = 0;
                for (int i = 0; i < width; i++) expected += (i % 7) * ((column * width + i) % 7);
                if (product.getAtIndex(JAVA_FLOAT, column) != expected) return false;
            }
            return true;
        }
    }

    /// True if the processor can run kernels of the instruction set.
    boolean supports(InstructionSet set) {
        return supports(set.symbol());
    }

    /// True if the processor has matrix units for bfloat16 and the system lets programs use them.
    boolean supportsAmx() {
        return supports("amx_bf16");
    }

    private boolean supports(String set) {
        MethodHandle supports = bind("sluice_cpu_supports", ADDRESS);
        try (Arena arena = Arena.ofConfined()) {
            return (int) supports.invokeExact(arena.allocateFrom(set)) == 1;
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /// The processor's best instruction set.
    InstructionSet best() {
        for (InstructionSet set : InstructionSet.values()) {
            if (supports(set)) return set;
        }
        throw new IllegalStateException("not even portable code");
    }

    /// A handle on a function that returns an int.
    MethodHandle bind(String name, MemoryLayout... arguments) {
        return LINKER.downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, arguments));
    }

    /// A handle on a function that returns a pointer, as a number.
    MethodHandle bindPointer(String name, MemoryLayout... arguments) {
        return LINKER.downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(JAVA_LONG, arguments));
    }

    private int abi() {
        try {
            return (int) bind("sluice_abi").invokeExact();
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /// A downcall throws nothing of its own.
    static AssertionError impossible(Throwable e) {
        return new AssertionError("a downcall threw", e);
    }

    private static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("mac") ? "macos" : "linux";
        String arch = System.getProperty("os.arch");
        return os + "-" + (arch.equals("amd64") ? "x86_64" : arch);
    }
}

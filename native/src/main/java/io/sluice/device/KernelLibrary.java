package io.sluice.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
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
    private static final int ABI = 4;

    private static final Linker LINKER = Linker.nativeLinker();

    private static final Logger log = System.getLogger(KernelLibrary.class.getName());

    private final SymbolLookup symbols;
    private InstructionSet best = InstructionSet.PORTABLE; // until chosen

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
        library.chooseBest();
        return library;
    }

    /// True if the build made the library for this platform; that it cannot be used all the same is then a fault.
    static boolean isBuilt() {
        return KernelLibrary.class.getResource(resource()) != null;
    }

    private static String resource() {
        return platform() + "/libsluice_kernels.so";
    }

    /// The first set that the processor names and that computes right on it.
    private void chooseBest() throws Unavailable {
        for (InstructionSet set : InstructionSet.values()) {
            if (!supports(set)) continue;
            if (KernelSelfTest.passes(this, set)) {
                best = set;
                return;
            }
            log.log(
                    Level.WARNING,
                    "the CPU kernels for {0} give wrong numbers on this processor, which says it has it: not used",
                    set.symbol());
        }
        throw new Unavailable("the CPU kernels give wrong numbers on this processor");
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

    /// The best instruction set that computes right here.
    InstructionSet best() {
        return best;
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

package io.sluice.device;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.LibUtils;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;

/// Loads libtorch through DJL's PyTorch engine and keeps it to this machine: nothing is downloaded, nobody is called.
///
/// libtorch is loaded once per process, by whoever comes first; starting again only changes the number of threads.
/// Its libraries are unpacked into DJL's cache (`DJL_CACHE_DIR`, else `~/.djl.ai`) by the first start on a machine.
final class Torch {
    private static final Logger log = System.getLogger(Torch.class.getName());

    private final Engine engine;

    private Torch(Engine engine) {
        this.engine = engine;
    }

    /// Starts libtorch with this many threads per operation.
    ///
    /// @throws TorchFailed if it cannot be loaded here or lacks a function that Sluice calls
    static Torch start(int threads) {
        long startedNs = System.nanoTime();
        setUnlessGiven("ai.djl.offline", "true");
        setUnlessGiven("OPT_OUT_TRACKING", "true");
        // Sluice runs no TorchScript; without this DJL warns about its optimizer.
        setUnlessGiven("ai.djl.pytorch.graph_optimizer", "false");
        Engine engine = loadEngine();
        TorchAbi.verify();
        JniUtils.setNumThreads(threads);
        log.log(
                Level.DEBUG,
                "libtorch {0} from {1}, {2} threads, ready in {3} ms",
                LibUtils.getVersion(),
                LibUtils.getLibtorchPath(),
                threads,
                (System.nanoTime() - startedNs) / 1_000_000);
        return new Torch(engine);
    }

    /// Must be called once by each thread before it touches tensors: libtorch would otherwise record its operations for
    /// a backward pass, a setting that each thread has of its own and that is on in new threads.
    static void prepareThread() {
        TorchAbi.setGradMode(false);
    }

    /// A manager of arrays in the machine's memory. The caller closes it.
    NDManager newManager() {
        // Naming the device keeps DJL from probing for GPUs.
        return engine.newBaseManager(ai.djl.Device.cpu());
    }

    /// The library that holds libtorch's CPU functions and its C interface, loaded already.
    static Path loadedLibrary() {
        Path library = Path.of(LibUtils.getLibtorchPath(), System.mapLibraryName("torch_cpu"));
        if (!Files.isRegularFile(library)) {
            throw new TorchFailed("DJL loaded libtorch, but " + library + " is not there");
        }
        return library;
    }

    private static Engine loadEngine() {
        try {
            return Engine.getEngine("PyTorch");
        } catch (EngineException | UnsatisfiedLinkError e) {
            throw new TorchFailed(
                    "libtorch cannot be loaded (" + rootMessage(e)
                            + "). It comes with Sluice for Linux on x86-64; elsewhere"
                            + " set PYTORCH_LIBRARY_PATH to a folder with libtorch 2.7.1, PYTORCH_VERSION=2.7.1 and"
                            + " PYTORCH_FLAVOR=cpu. It is unpacked into ~/.djl.ai (450 MB): DJL_CACHE_DIR names another"
                            + " folder.",
                    e);
        }
    }

    private static String rootMessage(Throwable thrown) {
        Throwable root = thrown;
        while (root.getCause() != null) root = root.getCause();
        return String.valueOf(root.getMessage());
    }

    /// An operator's own choice stands: as a system property, or as DJL's environment variable, which DJL reads first.
    private static void setUnlessGiven(String property, String value) {
        if (System.getProperty(property) == null) System.setProperty(property, value);
    }
}

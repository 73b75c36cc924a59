package io.sluice.device;

import io.sluice.batching.ModelRunner;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.TensorType;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/// Chooses how a model runs here: on the CPU the fast path where its kernels load, else the reference path;
/// on CUDA what was asked for, or not at all. Any thread.
public final class Device {
    private static final Logger log = System.getLogger(Device.class.getName());

    private Device() {}

    /// A runner for the model, to be made on the engine thread. Logs in one line what was chosen and why.
    public static ModelRunner.Factory runner(ModelFiles model, RunnerSettings settings) {
        return () -> switch (path(model)) {
            case Path.Fast(KernelLibrary library, InstructionSet set) -> openFast(model, settings, library, set);
            case Path.Reference(String because) -> openReference(model, settings, because);
        };
    }

    /// The number format when the operator leaves it to us. bfloat16 halves the bytes that a step reads, and
    /// reading weights is what decoding waits for, with any instruction set. But a model stored in float32 is
    /// computed in float32, and the reference path computes in nothing else.
    public static Dtype preferredDtype(ModelFiles model) {
        return path(model) instanceof Path.Fast && model.weightsType() != TensorType.F32
                ? Dtype.BFLOAT16
                : Dtype.FLOAT32;
    }

    /// A runner on a CUDA device, to be made on the engine thread. It takes no other way if that one is
    /// barred.
    ///
    /// @param decided is told in one line what was decided, when the runner is there
    public static ModelRunner.Factory cudaRunner(
            ModelFiles model, RunnerSettings settings, CudaSettings cuda, Consumer<String> decided) {
        return () -> {
            CudaLibrary library = cudaLibrary(cuda.deviceIndex());
            return openCuda(model, settings, new CudaModel.Place(library, cuda, Device::openTorch), decided);
        };
    }

    private static CudaLibrary cudaLibrary(int deviceIndex) {
        try {
            CudaLibrary library = CudaLibrary.load();
            CudaDevices.of(library).require(deviceIndex);
            return library;
        } catch (CudaLibrary.Unavailable e) {
            new CudaDevices(List.of(), String.valueOf(e.getMessage())).require(deviceIndex);
            throw new AssertionError("nothing is required of no devices", e);
        }
    }

    /// The number format on a CUDA device when the operator leaves it to us. Only bfloat16 is fast there.
    public static Dtype preferredCudaDtype(ModelFiles model) {
        return model.weightsType() == TensorType.F32 ? Dtype.FLOAT32 : Dtype.BFLOAT16;
    }

    private static TorchDevice openTorch(CudaDevice device) {
        if (!TorchCuda.isOffered(System.getenv())) {
            throw new TorchFailed("no libtorch for CUDA is named: PYTORCH_LIBRARY_PATH would be the folder of one");
        }
        return TorchCuda.open(device);
    }

    private static ModelRunner openCuda(
            ModelFiles model, RunnerSettings settings, CudaModel.Place place, Consumer<String> decided) {
        long startedNs = System.nanoTime();
        CudaRunner runner;
        try {
            runner = CudaRunner.open(files(model), settings, place);
        } catch (CudaFailed e) {
            throw new DeviceUnavailable(
                    "CUDA device " + place.settings().deviceIndex() + " cannot serve the model: " + e.getMessage(), e);
        }
        CudaRunner.Sizes sizes = runner.sizes();
        decided.accept(
                "%s in %s: weights %s, KV cache %s (%s, %,d blocks of %d), graphs up to %s, %s left free; many rows multiplied by %s; loaded in %.1f s"
                        .formatted(
                                sizes.device(),
                                name(settings.dtype()),
                                DeviceMemory.binary(sizes.weightBytes()),
                                DeviceMemory.binary(sizes.kvBytes()),
                                name(settings.kvDtype()),
                                runner.limits().blockCount(),
                                settings.blockSize(),
                                DeviceMemory.binary(sizes.graphBytes()),
                                DeviceMemory.binary(Math.max(0, sizes.freeBytes() - sizes.graphBytes())),
                                sizes.gemm(),
                                (System.nanoTime() - startedNs) / 1e9));
        return runner;
    }

    /// What can compute a model here.
    private sealed interface Path {
        record Fast(KernelLibrary library, InstructionSet set) implements Path {}

        record Reference(String because) implements Path {}
    }

    private static Path path(ModelFiles model) {
        int headDim = model.config().headDim();
        if (!KvLayout.supports(headDim)) {
            return new Path.Reference("the CPU kernels do not serve heads of width " + headDim);
        }
        try {
            KernelLibrary library = KernelLibrary.load();
            return new Path.Fast(library, library.best());
        } catch (KernelLibrary.Unavailable e) {
            return new Path.Reference(e.why());
        }
    }

    private static ModelRunner openFast(
            ModelFiles model, RunnerSettings settings, KernelLibrary library, InstructionSet set) {
        long startedNs = System.nanoTime();
        FastRunner runner = FastRunner.open(files(model), settings, library, set);
        FastRunner.Sizes sizes = runner.sizes();
        GemmChoice gemm = runner.gemm();
        log.log(
                Level.INFO,
                "%s runs on the CPU kernels (%s) in %s with %d threads, products by %s (%s): weights %s, KV cache %s (%s, %,d blocks of %d), room to park %s, buffers %s, loaded in %d ms"
                        .formatted(
                                model.name(),
                                set.symbol(),
                                name(settings.dtype()),
                                settings.threads(),
                                gemm.libtorch() ? "libtorch" : "our kernels",
                                gemm.why(),
                                DeviceMemory.binary(sizes.weightBytes()),
                                DeviceMemory.binary(sizes.kvBytes()),
                                name(settings.kvDtype()),
                                sizes.limits().blockCount(),
                                settings.blockSize(),
                                DeviceMemory.binary(sizes.parkBytes()),
                                DeviceMemory.binary(sizes.bufferBytes()),
                                (System.nanoTime() - startedNs) / 1_000_000));
        return runner;
    }

    private static ModelRunner openReference(ModelFiles model, RunnerSettings settings, String because) {
        ReferenceRunner runner = ReferenceRunner.open(files(model), settings);
        log.log(
                Level.WARNING,
                "%s runs on the slow reference path in float32%s, many times slower than the CPU kernels: %s"
                        .formatted(
                                model.name(),
                                settings.dtype() == Dtype.FLOAT32 ? "" : " instead of " + name(settings.dtype()),
                                because));
        return runner;
    }

    private static WeightFiles files(ModelFiles model) {
        return new WeightFiles(model.path(), model.config(), model::tensor);
    }

    private static String name(Dtype dtype) {
        return dtype.name().toLowerCase(Locale.ROOT);
    }
}

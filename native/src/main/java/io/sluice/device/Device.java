package io.sluice.device;

import io.sluice.batching.ModelRunner;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.TensorType;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Locale;

/// Chooses how a model runs here: the fast path where its kernels load, else the reference path. Any thread.
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

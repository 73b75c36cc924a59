package io.sluice.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.List;

/// The functions of libtorch's stable C interface that Sluice calls, bound once. Any thread; callers own
/// the handles.
///
/// The signatures are those of `torch/csrc/inductor/aoti_torch/c/shim.h`, which PyTorch promises to keep. A
/// handle is passed as a long. Every function returns 0 or, having printed what was wrong to stderr, 1; the
/// text cannot be fetched, so callers check shapes and types first and name them in the exception (see
/// `Tensor`). The C interface catches all C++ exceptions: the mangled C++ functions do not, and must never
/// be bound.
final class TorchAbi {
    private static final Linker linker = Linker.nativeLinker();
    private static final List<String> missing = new ArrayList<>();
    private static final SymbolLookup library = SymbolLookup.libraryLookup(Torch.loadedLibrary(), Arena.global());

    private static final MethodHandle ABI_VERSION = bind("aoti_torch_abi_version", JAVA_LONG);
    private static final MethodHandle SET_GRAD_MODE = bindVoid("aoti_torch_grad_mode_set_enabled", JAVA_BOOLEAN);
    private static final MethodHandle IS_GRAD_MODE = bind("aoti_torch_grad_mode_is_enabled", JAVA_BOOLEAN);
    private static final MethodHandle DELETE = bind("aoti_torch_delete_tensor_object", JAVA_INT, JAVA_LONG);
    private static final MethodHandle DATA_PTR = bind("aoti_torch_get_data_ptr", JAVA_INT, JAVA_LONG, ADDRESS);
    private static final MethodHandle EMPTY_STRIDED = bind(
            "aoti_torch_empty_strided",
            JAVA_INT,
            JAVA_LONG, // dimensions
            ADDRESS, // sizes
            ADDRESS, // strides
            JAVA_INT, // dtype
            JAVA_INT, // device type
            JAVA_INT, // device index
            ADDRESS); // out: the new handle
    private static final MethodHandle FROM_BLOB = bind(
            "aoti_torch_create_tensor_from_blob_v2",
            JAVA_INT,
            JAVA_LONG, // data
            JAVA_LONG, // dimensions
            ADDRESS, // sizes
            ADDRESS, // strides
            JAVA_LONG, // offset in numbers
            JAVA_INT, // dtype
            JAVA_INT, // device type
            JAVA_INT, // device index
            ADDRESS, // out: the new handle
            JAVA_INT, // layout
            JAVA_LONG, // opaque metadata: none
            JAVA_LONG); // and its length
    private static final MethodHandle REINTERPRET = bind(
            "aoti_torch__reinterpret_tensor",
            JAVA_INT,
            JAVA_LONG, // self
            JAVA_LONG, // dimensions
            ADDRESS, // sizes
            ADDRESS, // strides
            JAVA_LONG, // offset in numbers, added to self's
            ADDRESS); // out: the new handle
    private static final MethodHandle MM_OUT =
            bind("aoti_torch_cpu_mm_out", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG); // out, a, b
    private static final MethodHandle ADDMM_OUT = bind(
            "aoti_torch_cpu_addmm_out", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_DOUBLE, JAVA_DOUBLE);
    private static final MethodHandle DTYPE_FLOAT32 = bind("aoti_torch_dtype_float32", JAVA_INT);
    private static final MethodHandle DTYPE_BFLOAT16 = bind("aoti_torch_dtype_bfloat16", JAVA_INT);
    private static final MethodHandle DEVICE_TYPE_CPU = bind("aoti_torch_device_type_cpu", JAVA_INT);
    private static final MethodHandle LAYOUT_STRIDED = bind("aoti_torch_layout_strided", JAVA_INT);

    private static final int DEVICE_INDEX = 0;

    /// Where a tensor's memory is, in libtorch's numbers. A value.
    record Place(int deviceType, int deviceIndex) {
        static Place cpu() {
            return new Place(Constants.CPU, DEVICE_INDEX);
        }
    }

    private TorchAbi() {}

    /// Proves that the loaded libtorch has every function above and is of a version that Sluice knows.
    static void verify() {
        refuseMissing(missing);
        refuseVersion(abiVersion());
    }

    static void refuseMissing(List<String> names) {
        if (!names.isEmpty()) {
            throw new TorchFailed(Torch.loadedLibrary() + " lacks functions that Sluice calls: "
                    + String.join(", ", names) + ". Use libtorch 2.7.1.");
        }
    }

    /// The C interface has not changed from 2.7 on; earlier ones lack parts of it.
    static void refuseVersion(long abiVersion) {
        long major = abiVersion >>> 56;
        long minor = abiVersion >>> 48 & 0xff;
        if (major != 2 || minor < 7) {
            throw new TorchFailed("libtorch " + major + "." + minor + " is loaded; Sluice needs 2.7 or a later 2.x");
        }
    }

    /// Major, minor, patch in the three highest bytes.
    static long abiVersion() {
        try {
            return (long) ABI_VERSION.invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// Per thread: whether operations are recorded for a backward pass.
    static void setGradMode(boolean enabled) {
        try {
            SET_GRAD_MODE.invokeExact(enabled);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static boolean isGradMode() {
        try {
            return (boolean) IS_GRAD_MODE.invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// A tensor with memory of libtorch's own, not filled. The caller owns the handle.
    static long emptyStrided(Dtype dtype, long[] sizes, long[] strides) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int status = (int) EMPTY_STRIDED.invokeExact(
                    (long) sizes.length,
                    arena.allocateFrom(JAVA_LONG, sizes),
                    arena.allocateFrom(JAVA_LONG, strides),
                    Constants.of(dtype),
                    Constants.CPU,
                    DEVICE_INDEX,
                    out);
            return handle(status, out, "empty_strided");
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// A tensor over memory that somebody else owns and that must outlive it. The caller owns the handle.
    static long fromBlob(long address, Dtype dtype, long[] sizes, long[] strides) {
        return fromBlob(new Place(Constants.CPU, DEVICE_INDEX), address, dtype, sizes, strides);
    }

    /// The same over memory of any device.
    static long fromBlob(Place place, long address, Dtype dtype, long[] sizes, long[] strides) {
        if (address == 0) throw new IllegalArgumentException("libtorch would silently allocate memory of its own");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int status = (int) FROM_BLOB.invokeExact(
                    address,
                    (long) sizes.length,
                    arena.allocateFrom(JAVA_LONG, sizes),
                    arena.allocateFrom(JAVA_LONG, strides),
                    0L,
                    Constants.of(dtype),
                    place.deviceType(),
                    place.deviceIndex(),
                    out,
                    Constants.STRIDED,
                    0L,
                    0L);
            return handle(status, out, "create_tensor_from_blob");
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// Another view of `self`'s memory, which lives as long as any of its views. The caller owns the handle.
    static long reinterpret(long self, long[] sizes, long[] strides, long offset) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int status = (int) REINTERPRET.invokeExact(
                    self,
                    (long) sizes.length,
                    arena.allocateFrom(JAVA_LONG, sizes),
                    arena.allocateFrom(JAVA_LONG, strides),
                    offset,
                    out);
            return handle(status, out, "reinterpret_tensor");
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// Where the tensor's first number lies, its offset included.
    static long dataPointer(long tensor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int status = (int) DATA_PTR.invokeExact(tensor, out);
            return handle(status, out, "get_data_ptr");
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static void delete(long tensor) {
        try {
            check((int) DELETE.invokeExact(tensor), "delete_tensor_object");
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// `out = a b`. Hot path; returns 0 or 1.
    static int mmOut(long out, long a, long b) {
        try {
            return (int) MM_OUT.invokeExact(out, a, b);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// `out = beta self + alpha a b`. Hot path; returns 0 or 1.
    static int addmmOut(long out, long self, long a, long b, double beta, double alpha) {
        try {
            return (int) ADDMM_OUT.invokeExact(out, self, a, b, beta, alpha);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// libtorch's numbers for types, read from it and not written down here.
    private static final class Constants {
        static final int FLOAT32 = constant(DTYPE_FLOAT32);
        static final int BFLOAT16 = constant(DTYPE_BFLOAT16);
        static final int CPU = constant(DEVICE_TYPE_CPU);
        static final int STRIDED = constant(LAYOUT_STRIDED);

        static int of(Dtype dtype) {
            return switch (dtype) {
                case FLOAT32 -> FLOAT32;
                case BFLOAT16 -> BFLOAT16;
            };
        }

        private static int constant(MethodHandle function) {
            try {
                return (int) function.invokeExact();
            } catch (Throwable e) {
                throw unexpected(e);
            }
        }
    }

    private static MethodHandle bind(String name, MemoryLayout result, MemoryLayout... arguments) {
        return bind(name, FunctionDescriptor.of(result, arguments));
    }

    private static MethodHandle bindVoid(String name, MemoryLayout... arguments) {
        return bind(name, FunctionDescriptor.ofVoid(arguments));
    }

    /// A missing function is only noted here, so that `verify` can name all of them at once.
    private static MethodHandle bind(String name, FunctionDescriptor descriptor) {
        return library.find(name)
                .map(address -> linker.downcallHandle(address, descriptor))
                .orElseGet(() -> {
                    missing.add(name);
                    return MethodHandles.empty(descriptor.toMethodType());
                });
    }

    private static long handle(int status, MemorySegment out, String function) {
        check(status, function);
        return out.get(JAVA_LONG, 0);
    }

    private static void check(int status, String function) {
        if (status != 0) throw new TorchFailed("libtorch's " + function + " failed; see stderr");
    }

    /// `invokeExact` declares Throwable; a downcall itself throws nothing that is checked.
    private static RuntimeException unexpected(Throwable thrown) {
        return switch (thrown) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> throw new AssertionError(thrown);
        };
    }
}

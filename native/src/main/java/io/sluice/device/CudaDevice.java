package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// One CUDA device with one stream, on which everything is queued in order: memory, copies, graphs. The
/// thread that opens it is the only one that may use it. Addresses are the device's, but for pinned memory,
/// which both can read.
final class CudaDevice implements AutoCloseable {
    private static final MemoryLayout P = JAVA_LONG;
    private static final MemoryLayout J = JAVA_LONG;

    private final CudaLibrary library;
    private final int index;
    private final MethodHandle alloc;
    private final MethodHandle free;
    private final MethodHandle allocPinned;
    private final MethodHandle freePinned;
    private final MethodHandle copy;
    private final MethodHandle fill;
    private final MethodHandle await;
    private final MethodHandle beginCapture;
    private final MethodHandle endCapture;
    private final MethodHandle launchGraph;
    private final MethodHandle closeGraph;
    private final MethodHandle memory;
    private final MethodHandle openEvent;
    private final MethodHandle closeEvent;
    private final MethodHandle recordEvent;
    private final MethodHandle awaitEvent;
    private final MethodHandle elapsed;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment out = arena.allocate(JAVA_LONG, 2); // where calls put results
    private final long stream;
    private boolean closed;

    /// What a device is. A value.
    ///
    /// @param major with `minor` the compute capability
    record Facts(String name, int major, int minor, int multiprocessors, long totalBytes) {
        @Override
        public String toString() {
            return "%s (sm_%d%d, %d multiprocessors, %s)"
                    .formatted(name, major, minor, multiprocessors, DeviceMemory.binary(totalBytes));
        }
    }

    /// Memory of the device at one moment. A value.
    record Memory(long freeBytes, long totalBytes) {}

    /// Work that was recorded, to be queued again and again as one. A value; closed by the device that made
    /// it.
    ///
    /// @param nodeCount kernels and copies in it
    record Graph(long address, int nodeCount) {}

    /// Takes the device for the calling thread.
    ///
    /// @throws CudaFailed if there is no such device or it cannot be used
    CudaDevice(CudaLibrary library, int index) {
        this.library = library;
        this.index = index;
        alloc = library.bind("sluice_cuda_alloc", J, P);
        free = library.bind("sluice_cuda_free", P);
        allocPinned = library.bind("sluice_cuda_alloc_pinned", J, P);
        freePinned = library.bind("sluice_cuda_free_pinned", P);
        copy = library.bind("sluice_cuda_copy", P, P, J, P);
        fill = library.bind("sluice_cuda_fill", P, JAVA_INT, J, P);
        await = library.bind("sluice_cuda_stream_wait", P);
        beginCapture = library.bind("sluice_cuda_capture_begin", P);
        endCapture = library.bind("sluice_cuda_capture_end", P, P, P);
        launchGraph = library.bind("sluice_cuda_graph_launch", P, P);
        closeGraph = library.bind("sluice_cuda_graph_close", P);
        memory = library.bind("sluice_cuda_memory", P, P);
        openEvent = library.bind("sluice_cuda_event_open", P);
        closeEvent = library.bind("sluice_cuda_event_close", P);
        recordEvent = library.bind("sluice_cuda_event_record", P, P);
        awaitEvent = library.bind("sluice_cuda_event_wait", P);
        elapsed = library.bind("sluice_cuda_event_elapsed", P, P, P);
        MethodHandle open = library.bind("sluice_cuda_open", JAVA_INT);
        MethodHandle openStream = library.bind("sluice_cuda_stream_open", P);
        try {
            library.check("opening CUDA device " + index, (int) open.invokeExact(index));
            library.check("a CUDA stream", (int) openStream.invokeExact(out.address()));
        } catch (Throwable e) {
            arena.close();
            throw rethrow(e);
        }
        stream = out.get(JAVA_LONG, 0);
    }

    CudaLibrary library() {
        return library;
    }

    /// As CUDA counts devices.
    int index() {
        return index;
    }

    /// The stream's address, for kernels.
    ///
    /// @throws IllegalStateException if the device was closed: a call with what it had would end the process
    long stream() {
        if (closed) throw new IllegalStateException("CUDA device " + index + " was closed");
        return stream;
    }

    /// Where a call puts its results.
    private long out() {
        if (closed) throw new IllegalStateException("CUDA device " + index + " was closed");
        return out.address();
    }

    Facts facts() {
        return library.facts(index);
    }

    Memory memory() {
        try {
            library.check("asking for free device memory", (int) memory.invokeExact(out(), out() + Long.BYTES));
        } catch (Throwable e) {
            throw rethrow(e);
        }
        return new Memory(out.getAtIndex(JAVA_LONG, 0), out.getAtIndex(JAVA_LONG, 1));
    }

    /// Device memory, of no particular content; the caller frees it.
    long alloc(long bytes) {
        try {
            library.check(DeviceMemory.binary(bytes) + " of device memory", (int) alloc.invokeExact(bytes, out()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
        return out.get(JAVA_LONG, 0);
    }

    void free(long address) {
        stream(); // only while the device is open
        try {
            library.check("freeing device memory", (int) free.invokeExact(address));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Pinned host memory; the caller frees it.
    MemorySegment allocPinned(long bytes) {
        try {
            library.check(
                    DeviceMemory.binary(bytes) + " of pinned memory", (int) allocPinned.invokeExact(bytes, out()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
        return Region.view(out.get(JAVA_LONG, 0), bytes).fill((byte) 0);
    }

    void freePinned(MemorySegment pinned) {
        stream();
        try {
            library.check("freeing pinned memory", (int) freePinned.invokeExact(pinned.address()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Queues a copy, in either direction or within the device. Of memory that is not pinned the call may
    /// wait.
    void copy(long to, long from, long bytes) {
        try {
            library.check("a copy", (int) copy.invokeExact(to, from, bytes, stream()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Queues the filling of device memory with a byte.
    void fill(long address, int value, long bytes) {
        try {
            library.check("filling memory", (int) fill.invokeExact(address, value, bytes, stream()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Waits until all that was queued is done.
    void await() {
        try {
            library.check("the device's work", (int) await.invokeExact(stream()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// A mark among what is queued, to be recorded again and again; the caller closes it.
    long openEvent() {
        try {
            library.check("an event", (int) openEvent.invokeExact(out()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
        return out.get(JAVA_LONG, 0);
    }

    /// Queues the mark: it is reached when all that was queued before is done.
    void record(long event) {
        try {
            library.check("an event", (int) recordEvent.invokeExact(event, stream()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Waits until the mark that was last recorded is reached; what was queued after it may still run.
    void await(long event) {
        stream();
        try {
            library.check("the device's work", (int) awaitEvent.invokeExact(event));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Milliseconds between two marks that were reached, by the device's clock.
    double milliseconds(long from, long to) {
        try {
            library.check("an event", (int) elapsed.invokeExact(from, to, out()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
        return out.get(JAVA_FLOAT, 0);
    }

    void closeEvent(long event) {
        stream();
        try {
            library.check("closing an event", (int) closeEvent.invokeExact(event));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Records what `work` queues instead of running it. It must not allocate or wait.
    Graph capture(Runnable work) {
        try {
            library.check("beginning a graph", (int) beginCapture.invokeExact(stream()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
        try {
            work.run();
        } finally {
            endCapture();
        }
        return new Graph(out.getAtIndex(JAVA_LONG, 0), out.get(JAVA_INT, Long.BYTES));
    }

    private void endCapture() {
        try {
            library.check("ending a graph", (int) endCapture.invokeExact(stream(), out(), out() + Long.BYTES));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /// Queues what was recorded.
    void launch(Graph graph) {
        try {
            library.check("a graph", (int) launchGraph.invokeExact(graph.address, stream()));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    void close(Graph graph) {
        stream();
        try {
            library.check("closing a graph", (int) closeGraph.invokeExact(graph.address));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    @Override
    public void close() {
        if (closed) return;
        MethodHandle close = library.bind("sluice_cuda_stream_close", P);
        try {
            library.check("closing a stream", (int) close.invokeExact(stream()));
        } catch (Throwable e) {
            throw rethrow(e);
        } finally {
            closed = true;
            arena.close();
        }
    }

    /// A downcall throws nothing of its own; our checks do.
    static RuntimeException rethrow(Throwable e) {
        if (e instanceof RuntimeException known) return known;
        throw KernelLibrary.impossible(e);
    }
}

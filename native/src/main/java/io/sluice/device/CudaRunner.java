package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/// Runs a model on the CUDA kernels of one device. Steps in which every slice is a single token are
/// recorded as graphs, one per bucket, and replayed; tokens are sampled on the device, and a step may be
/// launched that takes them from there while the one before is under way. Hot path, no allocation but when
/// a graph is recorded. Engine thread only, which is the device's.
///
/// **Not yet run on a GPU**: it is tested on the kernels' emulation (docs/cuda.md).
final class CudaRunner implements LogitsRunner {
    private static final int[] NOTHING_FED = {};

    private final CudaDevice device;
    private final CudaModel model;
    private final CudaKernels kernels;
    private final ModelLimits limits;
    private final Deque<AutoCloseable> resources = new ArrayDeque<>(); // last made first
    private final CudaStep step;
    private final CudaLlama graph;
    private final CudaLlama.Inputs inputs;
    private final @Nullable MemorySegment parked;
    private final CudaSampling sampling;
    private final DecodeBuckets buckets;
    private final Sizes sizes;
    private final Flight[] flights = new Flight[CudaSampling.SIDES];
    private final CudaDevice.@Nullable Graph[] recorded; // [bucket size]
    private final boolean[] seen; // [bucket size]: has run once, so its kernels are loaded
    private int turn; // whose flight was launched last

    /// What was decided and measured. A value, for the log.
    record Sizes(
            CudaDevice.Facts device,
            CudaGemmChoice gemm,
            long weightBytes,
            long kvBytes,
            long graphBytes,
            long freeBytes) {}

    /// Loads the model on the calling thread, which becomes the runner's.
    ///
    /// @throws UnsupportedModel if the kernels do not compute such a model
    /// @throws NotEnoughMemory if model and cache do not fit
    /// @throws TorchFailed if libtorch was asked for and cannot be had
    /// @throws CudaFailed if the device cannot be used
    static CudaRunner open(WeightFiles files, RunnerSettings settings, CudaModel.Place place) {
        CudaModel model = new CudaModel(files, settings, place);
        try {
            return new CudaRunner(model, place.settings());
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private CudaRunner(CudaModel model, CudaSettings asked) {
        this.model = model;
        device = model.device();
        kernels = model.kernels();
        graph = model.graph();
        sampling = model.sampling();
        buckets = new DecodeBuckets(model.limits().sequencesMax());
        CudaRehearsal.Outcome rehearsed = CudaRehearsal.of(model);
        long graphBytes = rehearsed.graphBytes() * buckets.count();
        CudaDevice.Memory memory = device.memory();
        long kvBytes = new CudaBudget(memory.totalBytes(), asked.memoryShare())
                .kvBytes(model.config(), model.settings(), asked.takesWhatIsLeft(), memory.freeBytes(), graphBytes);
        limits = DeviceMemory.limits(model.config(), model.settings().withKvCacheBytes(kvBytes));
        try {
            long blockBytes = DeviceMemory.blockBytes(model.config(), model.settings());
            CudaRegion cache = own(new CudaRegion(device, blockBytes * limits.blockCount()));
            parked = limits.hostBlockCount() == 0 ? null : device.allocPinned(blockBytes * limits.hostBlockCount());
            if (parked != null) resources.push(() -> device.freePinned(parked));
            step = own(model.newStep(limits));
            inputs = new CudaLlama.Inputs(step, model.cache(cache, limits.blockCount()));
            for (int side = 0; side < flights.length; side++) flights[side] = own(new Flight(side));
        } catch (RuntimeException | Error e) {
            CudaModel.closeAll(resources);
            throw e;
        }
        sizes = new Sizes(
                device.facts(),
                rehearsed.gemm(),
                model.weightBytes(),
                kvBytes,
                graphBytes,
                device.memory().freeBytes());
        recorded = new CudaDevice.Graph[limits.sequencesMax() + 1];
        seen = new boolean[limits.sequencesMax() + 1];
        resources.push(this::closeGraphs);
    }

    private <T extends AutoCloseable> T own(T resource) {
        resources.push(resource);
        return resource;
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public boolean canFeed() {
        return true;
    }

    Sizes sizes() {
        return sizes;
    }

    /// Not yet: logits stay on the device.
    @Override
    public boolean canReport() {
        return false;
    }

    /// Queues the step and returns; what goes wrong here is told by `await`.
    @Override
    public InFlightStep launch(StepPlan next) {
        Flight before = flights[turn];
        turn = (turn + 1) % flights.length;
        Flight flight = flights[turn];
        if (flight.underWay) throw new IllegalStateException("two steps are under way already");
        flight.launch(next, before);
        return flight;
    }

    /// One step between its launch and its result.
    private final class Flight implements InFlightStep, AutoCloseable {
        private final int side;
        private final long done; // event
        private final StepResult result;
        private final int[] rows; // [slice] that samples: its row of the logits
        private StepPlan plan;
        private boolean underWay;
        private @Nullable Throwable failure; // of what was launched

        private Flight(int side) {
            this.side = side;
            done = device.openEvent();
            result = new StepResult(limits.sequencesMax());
            rows = new int[limits.sequencesMax()];
            plan = new StepPlan(limits);
        }

        private void launch(StepPlan next, Flight before) {
            plan = next;
            failure = null;
            underWay = true;
            try {
                if (before.underWay) requireIndependent(next);
                copyBlocks(side, next);
                if (next.sliceCount() > 0) queue(next, before.rows);
                device.record(done);
            } catch (RuntimeException | Error e) {
                failure = e;
            }
        }

        private void queue(StepPlan next, int[] fedRows) {
            if (next.tokenCount() > next.sliceCount()) {
                int samples = step.fill(side, next, next.tokenCount(), next.sliceCount(), fedRows);
                describeSamples(next, samples);
                feed(next.tokenCount());
                graph.computeHidden(inputs, next.tokenCount(), next.sliceCount());
                if (samples > 0) sample(samples);
                if (samples > 0) sampling.download(side, samples);
                return;
            }
            int size = buckets.sizeFor(next.sliceCount());
            step.fill(side, next, size, size, fedRows);
            describeSamples(next, size);
            replay(size);
            sampling.download(side, size);
        }

        /// Rows beyond those that sample are greedy, and nobody reads what they give.
        private void describeSamples(StepPlan next, int count) {
            int row = 0;
            for (int slice = 0; slice < next.sliceCount(); slice++) {
                if (!next.samples(slice)) continue;
                rows[slice] = row;
                sampling.put(side, row++, next, slice);
            }
            for (; row < count; row++) sampling.putNothing(side, row);
            if (count > 0) sampling.upload(side, count);
        }

        @Override
        public StepResult await() {
            underWay = false;
            try {
                // After a failure too: what was queued reads memory that another plan is written to.
                if (failure == null) device.await(done);
                else device.await();
                if (failure != null) throw failure;
                for (int slice = 0; slice < plan.sliceCount(); slice++) {
                    if (plan.samples(slice)) sampling.get(side, rows[slice], slice, result);
                }
                return result;
            } catch (CudaFailed e) {
                throw new DeviceLost("the CUDA device can compute no more: " + e.getMessage(), e);
            } catch (Throwable e) {
                throw StepErrors.meaning("the CUDA kernels", e);
            }
        }

        @Override
        public void close() {
            device.closeEvent(done);
        }
    }

    /// Histories and masks have one place for all steps, and follow from tokens that are not known yet.
    private static void requireIndependent(StepPlan next) {
        for (int slice = 0; slice < next.sliceCount(); slice++) {
            if (next.isConstrained(slice) || next.historyLength(slice) > 0) {
                throw new IllegalArgumentException("a mask or history, while the step before is under way");
            }
        }
    }

    private void replay(int size) {
        CudaDevice.Graph replayed = recorded[size];
        if (replayed == null && seen[size]) {
            replayed = device.capture(() -> decode(size));
            recorded[size] = replayed;
        }
        seen[size] = true;
        if (replayed != null) device.launch(replayed);
        else decode(size);
    }

    private void decode(int size) {
        feed(size);
        graph.computeHidden(inputs, size, size);
        sample(size);
    }

    private void feed(int tokens) {
        kernels.feed(sampling.sampled(), step.fedFrom(), step.tokens(), tokens);
    }

    private void sample(int count) {
        graph.computeLogits(inputs, count);
        kernels.sample(graph.logits(), limits.vocabSize(), count, sampling);
    }

    /// First all copies out, then all copies in: what one sequence gives up can be filled for another.
    private void copyBlocks(int side, StepPlan next) {
        if (parked == null || next.copiesOutCount() + next.copiesInCount() == 0) return;
        step.fillCopies(side, next);
        CudaKv.Cache cache = inputs.cache();
        kernels.copyBlocks(cache, parked.address(), step.copiesOut(side), next.copiesOutCount(), true);
        kernels.copyBlocks(cache, parked.address(), step.copiesIn(side), next.copiesInCount(), false);
    }

    private void requireNoneUnderWay() {
        for (Flight flight : flights) {
            if (flight.underWay) throw new IllegalStateException("a step is under way");
        }
    }

    @Override
    public void computeLogits(StepPlan next, MemorySegment target) {
        requireNoneUnderWay();
        copyBlocks(0, next);
        step.fill(0, next, next.tokenCount(), next.sliceCount(), NOTHING_FED);
        graph.computeHidden(inputs, next.tokenCount(), next.sliceCount());
        int vocab = limits.vocabSize();
        Kernels.Rows rows = graph.logits();
        long rowBytes = (long) rows.stride() * Float.BYTES;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(limits.sequencesMax() * rowBytes, Float.BYTES);
            for (int first = 0; first < next.tokenCount(); first += limits.sequencesMax()) {
                int count = Math.min(limits.sequencesMax(), next.tokenCount() - first);
                device.await(); // the plan's memory is written again
                for (int i = 0; i < count; i++) step.sampleRow(0, i, first + i);
                step.upload(0);
                graph.computeLogits(inputs, count);
                device.copy(copy.address(), rows.address(), count * rowBytes);
                device.await();
                for (int i = 0; i < count; i++) {
                    long at = (long) (first + i) * vocab * Float.BYTES;
                    MemorySegment.copy(copy, JAVA_FLOAT, i * rowBytes, target, JAVA_FLOAT, at, vocab);
                }
            }
        }
    }

    /// Milliseconds that the device takes for a step of single tokens by itself, as a graph: the rest of a
    /// step's time it waits for the host. What it computes counts for nothing.
    double deviceMilliseconds(StepPlan plan, int runs) {
        requireNoneUnderWay();
        int size = buckets.sizeFor(plan.sliceCount());
        step.fill(0, plan, size, size, NOTHING_FED);
        for (int row = 0; row < size; row++) sampling.putNothing(0, row);
        sampling.upload(0, size);
        replay(size); // recorded with the second
        try (CudaStopwatch stopwatch = new CudaStopwatch(device, runs)) {
            return stopwatch.median(_ -> replay(size));
        }
    }

    /// Graphs that were recorded so far.
    int recordedGraphs() {
        int count = 0;
        for (CudaDevice.Graph each : recorded) {
            if (each != null) count++;
        }
        return count;
    }

    private void closeGraphs() {
        for (CudaDevice.Graph each : recorded) {
            if (each != null) device.close(each);
        }
    }

    @Override
    public void close() {
        if (resources.isEmpty()) return; // closed before
        resources.addLast(model); // what was made first goes last
        try {
            device.await();
        } finally {
            CudaModel.closeAll(resources);
        }
    }
}

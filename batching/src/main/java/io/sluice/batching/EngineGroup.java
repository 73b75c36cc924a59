package io.sluice.batching;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/// Several engines of one model, each with a thread and a device of its own, as if they were one: a request
/// goes to the one that `Placement` says, and to the next if that has no room. Any thread.
///
/// An engine that ends takes its requests with it; the others go on, and the group is alive as long as one
/// is.
public final class EngineGroup implements Engines {

    /// Of refusals that differ: whether there is hope, then the shortest wait.
    private static final Comparator<Admission.Refused> BEST_FIRST =
            Comparator.comparingInt(EngineGroup::hopelessness).thenComparing(Admission.Refused::retryAfter);

    private final List<Engine> engines;
    private final Placement placement;
    private final LongSupplier clock;

    private EngineGroup(List<Engine> engines, boolean prefixCaching, LongSupplier clock) {
        this.engines = engines;
        this.clock = clock;
        placement = new Placement(engines.size(), prefixCaching);
    }

    /// Starts an engine for each runner, all at once; returns when all are ready. If one cannot be made,
    /// none is left.
    ///
    /// @param settings of all together: as many requests may wait
    /// @throws RuntimeException whatever the first factory threw that failed
    public static EngineGroup start(String name, EngineSettings settings, List<ModelRunner.Factory> runners) {
        return start(name, settings, runners, System::nanoTime);
    }

    /// The same on another clock.
    static EngineGroup start(
            String name, EngineSettings settings, List<ModelRunner.Factory> runners, LongSupplier clock) {
        if (runners.isEmpty()) throw new IllegalArgumentException("no runner");
        EngineSettings each = settings.withWaitingMax(Math.ceilDiv(settings.waitingMax(), runners.size()));
        List<Engine> engines = new ArrayList<>();
        try {
            for (int i = 0; i < runners.size(); i++) {
                engines.add(Engine.begin(name + "-" + i, each, runners.get(i), clock));
            }
            engines.forEach(Engine::awaitReady);
        } catch (RuntimeException | Error e) {
            engines.forEach(Engine::close);
            throw e;
        }
        return new EngineGroup(List.copyOf(engines), settings.prefixCaching(), clock);
    }

    /// Asks one engine after the other until one takes it; a refusal that all would give is given at once.
    /// What all refuse is refused as by the one that it is best to hear of.
    @Override
    public Admission submit(GenerationRequest request, Attempt attempt) {
        Admission.Refused best = null;
        for (int index : placement.order(request, open())) {
            switch (engines.get(index).submit(request, attempt)) {
                case Admission.Admitted admitted -> {
                    placement.remember(request, index);
                    return admitted;
                }
                case Admission.Refused refused -> {
                    if (!isWorthAsking(refused.reason())) return refused;
                    if (best == null || BEST_FIRST.compare(refused, best) < 0) best = refused;
                }
            }
        }
        if (best != null) return best;
        return new Admission.Refused(Admission.Reason.STOPPED, "all engines have stopped", Duration.ZERO);
    }

    /// True if another engine may answer otherwise. One that has stopped says nothing of the others; caches
    /// differ.
    private static boolean isWorthAsking(Admission.Reason reason) {
        return switch (reason) {
            case QUEUE_FULL, NO_CAPACITY, DEADLINE_TOO_SOON, STOPPED, NEVER_FITS -> true;
            case DEADLINE_PASSED, DRAINING -> false;
        };
    }

    /// First what waiting cures: elsewhere no wait stands for never, and would be the shortest. What one engine cannot
    /// hold at all, another may, once it has room.
    private static int hopelessness(Admission.Refused refused) {
        return switch (refused.reason()) {
            case QUEUE_FULL, NO_CAPACITY -> 0;
            case DEADLINE_TOO_SOON -> refused.retryAfter().isPositive() ? 0 : 1;
            case NEVER_FITS -> 2;
            case DEADLINE_PASSED, DRAINING, STOPPED -> 3;
        };
    }

    private int[] open() {
        int[] open = new int[engines.size()];
        for (int i = 0; i < open.length; i++) {
            open[i] = engines.get(i).isAlive() ? engines.get(i).openCount() : -1;
        }
        return open;
    }

    @Override
    public ModelLimits limits() {
        ModelLimits first = engines.getFirst().limits();
        return new ModelLimits(
                Math.toIntExact(sum(engine -> engine.limits().blockCount())),
                first.blockSize(),
                first.contextMax(),
                Math.toIntExact(sum(engine -> engine.limits().stepTokensMax())),
                Math.toIntExact(sum(engine -> engine.limits().sequencesMax())),
                first.vocabSize(),
                Math.toIntExact(sum(engine -> engine.limits().hostBlockCount())));
    }

    private long sum(ToLongFunction<Engine> value) {
        return engines.stream().mapToLong(value).sum();
    }

    @Override
    public int waitingMax() {
        return Math.toIntExact(sum(Engine::waitingMax));
    }

    @Override
    public TenantBlocks blocksOf(String tenant) {
        TenantBlocks all = TenantBlocks.NONE;
        for (Engine engine : engines) {
            if (!engine.isAlive()) continue; // its device's blocks are nobody's
            TenantBlocks its = engine.blocksOf(tenant);
            all = new TenantBlocks(
                    all.used() + its.used(),
                    all.cached() + its.cached(),
                    all.floor() + its.floor(),
                    all.ceiling() + its.ceiling());
        }
        return all;
    }

    @Override
    public EngineStats stats() {
        return engines.stream()
                .map(engine ->
                        engine.isAlive() ? engine.stats() : engine.stats().ended())
                .reduce(EngineStats::and)
                .orElseThrow();
    }

    @Override
    public StepFigures figures() {
        return engines.stream().map(Engine::figures).reduce(StepFigures::and).orElseThrow();
    }

    @Override
    public Outlook outlook() {
        return Outlook.together(
                engines.stream().filter(Engine::isAlive).map(Engine::outlook).toList());
    }

    @Override
    public long stepStartedNs() {
        return engines.stream()
                .mapToLong(Engine::stepStartedNs)
                .filter(startedNs -> startedNs != StepClock.IDLE)
                .min()
                .orElse(StepClock.IDLE);
    }

    @Override
    public long usualStepMaxNs() {
        return engines.stream().mapToLong(Engine::usualStepMaxNs).max().orElseThrow();
    }

    /// Of those that answer; each may take as long as `patience`.
    @Override
    public Optional<List<SequenceState>> sequences(Duration patience) throws InterruptedException {
        List<SequenceState> all = new ArrayList<>();
        boolean answered = false;
        for (Engine engine : engines) {
            Optional<List<SequenceState>> its = engine.sequences(patience);
            answered |= its.isPresent();
            its.ifPresent(all::addAll);
        }
        return answered ? Optional.of(List.copyOf(all)) : Optional.empty();
    }

    @Override
    public long nowNs() {
        return clock.getAsLong();
    }

    @Override
    public boolean isAlive() {
        return engines.stream().anyMatch(Engine::isAlive);
    }

    @Override
    public boolean isDeviceLost() {
        return engines.stream().anyMatch(Engine::isDeviceLost);
    }

    @Override
    public boolean awaitEnd(Duration patience) throws InterruptedException {
        long deadlineNs = System.nanoTime() + patience.toNanos();
        for (Engine engine : engines) {
            Duration left = Duration.ofNanos(Math.max(0, deadlineNs - System.nanoTime()));
            if (!engine.awaitEnd(left)) return false;
        }
        return true;
    }

    @Override
    public boolean drain(Duration grace) throws InterruptedException {
        long deadlineNs = System.nanoTime() + grace.toNanos();
        for (Engine engine : engines) engine.drain(Duration.ZERO); // all refuse before any is waited for
        boolean empty = true;
        for (Engine engine : engines) {
            empty &= engine.drain(Duration.ofNanos(Math.max(0, deadlineNs - System.nanoTime())));
        }
        return empty;
    }

    @Override
    public void close() {
        engines.forEach(Engine::close);
    }
}

package io.sluice.batching;

import static io.sluice.batching.SimulationFailure.check;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// One deterministic run of the real engine loop against a shadow device and a fake clock: the seed decides everything.
/// After every turn everything that must always hold is checked.
final class Simulation implements ShadowRunner.World {
    private static final int TURNS_MAX = 20_000;

    private final SimulationKnobs knobs;
    private final SplittableRandom random;
    private final ArrayDeque<Workload.Arrival> arrivals;
    private final BlockPool pool;
    private final AdmissionController admission;
    private final Scheduler scheduler;
    private final ShadowRunner shadow;
    private final EngineLoop loop;
    private final List<SimulatedRequest> requests = new ArrayList<>(); // admitted
    private final IdentityHashMap<TokenStream, SimulatedChoice> choices = new IdentityHashMap<>();
    private final Exercised exercised = new Exercised();
    private long nowNs;
    private long turnStartNs;
    private int turn;
    private boolean inStep;
    private boolean draining;
    private boolean ended;

    Simulation(long seed, EngineParts parts) {
        random = new SplittableRandom(seed);
        knobs = SimulationKnobs.draw(random);
        arrivals = new ArrayDeque<>(new Workload(knobs, random.split()).arrivals());
        ModelLimits limits = knobs.limits();
        EngineSettings settings = knobs.settings();
        PrefixIndex index = parts.index(limits, parts.hash(random.split(), knobs.hashBits()));
        pool = parts.pool(limits, index);
        BlockAllocator blocks = parts.blocks(limits, settings, pool, index);
        admission = parts.admission(limits, settings, nowNs);
        scheduler = parts.scheduler(limits, settings, blocks, admission);
        shadow = new ShadowRunner(knobs, this, random.split());
        loop = new EngineLoop(settings, scheduler, admission, parts.runner(shadow), () -> nowNs);
    }

    /// A request that was admitted, and its choices.
    private record SimulatedRequest(GenerationRequest request, List<SimulatedChoice> choices) {
        boolean isOpen() {
            return choices.stream().anyMatch(choice -> choice.stream.ending().isEmpty());
        }

        boolean isWaiting() {
            return isOpen() && choices.stream().noneMatch(choice -> choice.wasPlanned);
        }
    }

    /// Runs until everything has ended.
    Exercised run() throws Exception {
        while (!ended) {
            check(turn < TURNS_MAX, "no end in sight: something makes no progress");
            deliver();
            if (turn == knobs.drainTurn()) startDraining();
            if (turn == knobs.closeTurn()) endEngine();
            else takeTurn();
            turn++;
        }
        if (turn > knobs.closeTurn() || shadow.steps() > knobs.deviceLossStep()) exercised.engineEnds++;
        exercised.count(
                scheduler,
                shadow,
                requests.stream().mapToInt(r -> r.choices.size()).sum());
        return exercised;
    }

    private void takeTurn() throws Exception {
        turnStartNs = nowNs;
        List<Sequence> ran = runningSequences();
        long progress = progress();
        boolean worked;
        try {
            worked = loop.turn();
        } catch (ModelRunner.DeviceLost lost) {
            endEngine();
            return;
        }
        nowNs++;
        observe();
        checkTurn(ran);
        check(!worked || progress() > progress, "a turn brought nothing forward");
        if (worked) return;
        if (arrivals.isEmpty()) {
            checkEnd();
        } else {
            nowNs = Math.max(nowNs, arrivals.getFirst().atNs());
            loop.resume();
        }
    }

    /// What the outside world does by now: arrivals, and readers who give up.
    private void deliver() {
        while (!arrivals.isEmpty() && arrivals.getFirst().atNs() <= nowNs)
            submit(arrivals.removeFirst().request());
        if (knobs.cancelRate() == 0) return;
        for (SimulatedRequest request : requests) {
            for (SimulatedChoice choice : request.choices) maybeCancel(choice);
        }
    }

    private void maybeCancel(SimulatedChoice choice) {
        if (choice.hasEnded() || choice.stream.ending().isPresent() || choice.stream.isCancelled()) return;
        if (random.nextDouble() >= knobs.cancelRate() / 8) return;
        choice.cancelTurn = inStep ? turn + 1 : turn;
        choice.stream.cancel();
        choice.stream.cancel(); // idempotent
    }

    private void submit(GenerationRequest request) {
        Admission answer = loop.submit(request, () -> {});
        switch (answer) {
            case Admission.Admitted(var streams, var _) -> {
                check(streams.size() == request.choiceCount(), "one stream per choice");
                check(expectedRefusal(request) == null, "a request was admitted that should have been refused");
                var made = new ArrayList<SimulatedChoice>();
                for (int i = 0; i < streams.size(); i++) {
                    var choice = new SimulatedChoice(
                            request, i, streams.get(i), knobs.limits().vocabSize());
                    made.add(choice);
                    choices.put(streams.get(i), choice);
                }
                requests.add(new SimulatedRequest(request, made));
            }
            case Admission.Refused(var reason, var detail, var retryAfter) -> {
                check(reason == expectedRefusal(request), "refused for another reason than expected: " + detail);
                check(!retryAfter.isNegative(), "a negative time to retry");
                exercised.refusals++;
            }
        }
    }

    private Admission.@Nullable Reason expectedRefusal(GenerationRequest request) {
        ModelLimits limits = knobs.limits();
        int tokens = request.prompt().length + request.maxNewTokens();
        if (tokens > limits.contextMax()) return Admission.Reason.NEVER_FITS;
        if (tokens > limits.blockCount() * limits.blockSize()) return Admission.Reason.NEVER_FITS;
        if (request.deadlines().of(false) <= nowNs) return Admission.Reason.DEADLINE_PASSED;
        if (draining) return Admission.Reason.DRAINING;
        long waiting = requests.stream().filter(SimulatedRequest::isWaiting).count();
        return waiting >= knobs.settings().waitingMax() ? Admission.Reason.QUEUE_FULL : null;
    }

    private void startDraining() {
        draining = true;
        admission.startDraining();
    }

    /// The engine ends in the middle: every stream must end with it.
    private void endEngine() {
        loop.endAll("the engine ended");
        ended = true;
        observe();
        for (SimulatedChoice choice : choices.values()) check(choice.hasEnded(), "a stream outlives the engine");
        check(admission.openCount() == 0, "a request is still counted after the engine's end");
        check(loop.submit(anyRequest(), () -> {}) instanceof Admission.Refused, "an ended engine admits");
    }

    private GenerationRequest anyRequest() {
        return new GenerationRequest(
                "late",
                new int[1],
                1,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }

    private void observe() {
        for (SimulatedRequest request : requests) {
            for (SimulatedChoice choice : request.choices) {
                boolean slow = !choice.hasEnded() && choice.choice % 3 == 2;
                if (!slow) choice.read();
                boolean before = choice.hasEnded();
                choice.readEnding(nowNs, ended);
                if (!before && choice.hasEnded()) exercised.countEnding(choice.reason());
            }
        }
    }

    private void checkTurn(List<Sequence> ran) {
        scheduler.checkInvariants();
        checkPreempted(ran);
        int open = 0;
        int waiting = 0;
        for (SimulatedRequest request : requests) {
            if (request.isOpen()) open++;
            if (request.isWaiting()) waiting++;
            for (SimulatedChoice choice : request.choices) checkEndedInTime(choice);
        }
        check(admission.openCount() == open, "the count of open requests differs from the streams that are open");
        check(admission.waitingCount() == waiting, "the count of waiting requests differs from those not started");
        EngineStats stats = loop.stats();
        check(stats.blocksFree() + stats.blocksUsed() == knobs.limits().blockCount(), "the statistics of blocks");
        check(stats.blocksCached() <= stats.blocksFree(), "more blocks cached than free");
    }

    private void checkEndedInTime(SimulatedChoice choice) {
        if (choice.hasEnded()) return;
        check(choice.cancelTurn > turn, "a cancelled sequence survived the next plan");
        check(choice.deadlineNs() > turnStartNs, "an expired sequence survived the next plan");
        check(!choice.notFinite, "a sequence without finite output goes on");
        check(!choice.stepFailed, "a sequence of a failed step goes on");
    }

    /// Whoever lost its blocks is younger than all that ran before and still run.
    private void checkPreempted(List<Sequence> ran) {
        long oldestPreempted = Long.MAX_VALUE;
        for (Sequence sequence : ran) {
            if (sequence.status() != Sequence.Status.WAITING) continue;
            oldestPreempted = Math.min(oldestPreempted, sequence.order());
        }
        for (Sequence sequence : ran) {
            boolean runs = sequence.status() == Sequence.Status.RUNNING;
            check(!runs || sequence.order() < oldestPreempted, "an older sequence gave way to a younger one");
        }
    }

    private List<Sequence> runningSequences() {
        var sequences = new ArrayList<Sequence>();
        for (int i = 0; i < scheduler.running().size(); i++)
            sequences.add(scheduler.running().get(i));
        return sequences;
    }

    private long progress() {
        return shadow.computedTokens() + exercised.endings();
    }

    private void checkEnd() {
        for (SimulatedChoice choice : choices.values()) check(choice.hasEnded(), "a stream never ended");
        check(scheduler.isIdle(), "the engine says it is idle, but has sequences");
        check(pool.freeCount() == knobs.limits().blockCount(), "a block was not given back");
        check(admission.openCount() == 0 && admission.waitingCount() == 0, "a permit was not given back");
        ended = true;
    }

    @Override
    public SimulatedChoice choice(int slice) {
        SimulatedChoice choice = choices.get(scheduler.planned(slice).stream());
        if (choice == null) throw new IllegalStateException("a slice of a sequence that nobody submitted");
        return choice;
    }

    @Override
    public int references(int block) {
        return pool.references(block);
    }

    @Override
    public long nowNs() {
        return nowNs;
    }

    @Override
    public int runningCount() {
        return scheduler.running().size();
    }

    @Override
    public void duringStep() {
        inStep = true;
        nowNs += random.nextInt(4);
        deliver();
        inStep = false;
    }

    @Override
    public void stepFails() {
        exercised.stepFailures++;
        for (Sequence sequence : runningSequences()) {
            SimulatedChoice choice = choices.get(sequence.stream());
            if (choice != null) choice.stepFailed = true;
        }
    }

    /// A hash of all plans.
    long trace() {
        return shadow.trace();
    }
}

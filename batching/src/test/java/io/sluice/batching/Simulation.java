package io.sluice.batching;

import static io.sluice.batching.SimulationFailure.check;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// One deterministic run of the real engine loop against a shadow device and a fake clock: the seed decides
/// everything. After every turn everything that must always hold is checked.
final class Simulation implements ShadowRunner.World {
    private static final int TURNS_MAX = 20_000;

    private final SimulationKnobs knobs;
    private final SplittableRandom random;
    private final ArrayDeque<Workload.Arrival> arrivals;
    private final EngineParts.Core core;
    private final Scheduler scheduler;
    private final ShadowRunner shadow;
    private final EngineLoop loop;
    private final BlockAudit audit;
    private final List<SimulatedRequest> requests = new ArrayList<>(); // admitted
    private final IdentityHashMap<TokenStream, SimulatedChoice> choices = new IdentityHashMap<>();
    private final Exercised exercised = new Exercised();
    private long nowNs;
    private final boolean feeds; // a step may follow one that is under way: what happens meanwhile is seen a turn later
    private long turnStartNs;
    private long turnBeforeStartNs;
    private int turn;
    private boolean inStep;
    private boolean draining;
    private boolean ended;

    Simulation(long seed, SimulatedParts parts) {
        random = new SplittableRandom(seed);
        knobs = SimulationKnobs.draw(random);
        arrivals = new ArrayDeque<>(new Workload(knobs, random.split()).arrivals());
        BlockHash hash = parts.hash(random.split(), knobs.hashBits());
        SpeculationSettings speculation = speculation(seed);
        Proposer proposer =
                UnbatchedModel.mix(seed + 2) % 4 == 0 ? new NgramProposer() : new SimulatedProposer(choices, seed);
        core = parts.core(knobs.limits(), knobs.settings().with(speculation), hash, proposer);
        scheduler = parts.scheduler(core);
        feeds = UnbatchedModel.mix(seed) % 3 == 0;
        shadow = new ShadowRunner(knobs, this, random.split(), feeds);
        loop = new EngineLoop(core, scheduler, parts.runner(shadow), () -> nowNs);
        audit = new BlockAudit(knobs.limits(), core.blocks(), core.host());
        // Half of the engines believe from the start that outputs are short, and promise too much memory.
        for (int i = 0; i < OutputLengths.SAMPLES_MIN && knobs.isOptimist(); i++)
            core.reservations().outputs().add(1);
    }

    /// Half of the engines have tokens proposed. Nothing is drawn for it, so that the others are what they were.
    private static SpeculationSettings speculation(long seed) {
        long drawn = UnbatchedModel.mix(seed + 1);
        if (drawn % 2 == 0) return SpeculationSettings.OFF;
        int tokensMax = (int) Long.remainderUnsigned(drawn >>> 8, 6) + 1;
        return new SpeculationSettings(SpeculationSettings.Kind.NGRAM, tokensMax);
    }

    /// A request that was admitted, and its choices.
    private record SimulatedRequest(GenerationRequest request, Timeline timeline, List<SimulatedChoice> choices) {
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
        turnBeforeStartNs = turnStartNs;
        turnStartNs = nowNs;
        List<Sequence> ran = runningSequences();
        long progress = progress();
        EngineLoop.Turn came;
        try {
            came = loop.turn();
        } catch (ModelRunner.DeviceLost lost) {
            endEngine();
            return;
        }
        shadow.settle();
        nowNs++;
        observe();
        checkTurn(ran);
        switch (came) {
            case WORKED -> check(progress() > progress, "a turn brought nothing forward: " + situation());
            case HELD_UP -> {
                check(activeCount() == 0, "held up, but a sequence runs whose reader keeps up");
                nowNs += 3;
            }
            case IDLE -> {
                if (arrivals.isEmpty()) checkEnd();
                else awaitArrival();
            }
        }
    }

    private String situation() {
        var lines = new ArrayList<String>();
        for (int i = 0; i < scheduler.running().size(); i++)
            lines.add("runs " + describe(scheduler.running().get(i)));
        for (int i = 0; i < scheduler.waiting().size(); i++)
            lines.add("waits " + describe(scheduler.waiting().get(i)));
        return lines + ", " + core.blocks().freeCount() + " of "
                + knobs.limits().blockCount() + " blocks free";
    }

    private static String describe(Sequence sequence) {
        return "%s %s%s %d/%d tokens, %d+%d blocks, %d reserved, class %s"
                .formatted(
                        sequence,
                        sequence.status(),
                        sequence.isPaused() ? " paused" : "",
                        sequence.computed(),
                        sequence.tokenCount(),
                        sequence.table().count(),
                        sequence.hostTable().count(),
                        sequence.reservedBlocks(),
                        sequence.request().caller().trafficClass().name());
    }

    private void awaitArrival() {
        nowNs = Math.max(nowNs, arrivals.getFirst().atNs());
        loop.resume();
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
        Attempt attempt = requests.size() % 3 == 0 ? Attempt.AGAIN : Attempt.FIRST;
        boolean wouldRefuse = loop.wouldRefuse(request, attempt).isPresent();
        Admission answer = loop.submit(request, attempt, () -> {});
        check(wouldRefuse == answer instanceof Admission.Refused, "the forecast of a decision differs from it");
        switch (answer) {
            case Admission.Admitted(var streams, var timeline) -> {
                check(streams.size() == request.choiceCount(), "one stream per choice");
                check(certainRefusal(request) == null, "a request was admitted that should have been refused");
                var made = new ArrayList<SimulatedChoice>();
                for (int i = 0; i < streams.size(); i++) {
                    var choice = new SimulatedChoice(
                            request, i, streams.get(i), knobs.limits().vocabSize(), reader());
                    made.add(choice);
                    choices.put(streams.get(i), choice);
                }
                requests.add(new SimulatedRequest(request, timeline, made));
                if (request.constraint() != null) exercised.constrained += request.choiceCount();
            }
            case Admission.Refused refused -> {
                checkRefusal(request, refused);
                exercised.refusals++;
            }
        }
    }

    private SimulatedChoice.Reader reader() {
        if (random.nextDouble() >= knobs.slowRate()) return SimulatedChoice.Reader.PROMPT;
        return random.nextInt(3) == 0 ? SimulatedChoice.Reader.ABSENT : SimulatedChoice.Reader.SLOW;
    }

    /// Why the request must be refused, whatever the load; null if load alone decides.
    private Admission.@Nullable Reason certainRefusal(GenerationRequest request) {
        ModelLimits limits = knobs.limits();
        int tokens = request.prompt().length + request.maxNewTokens();
        int blocks = Math.ceilDiv(tokens, limits.blockSize());
        double ceiling = request.caller().tenant().kvCeiling() * limits.blockCount();
        if (tokens > limits.contextMax()) return Admission.Reason.NEVER_FITS;
        if (blocks > limits.blockCount() || blocks > Math.max(1, (int) ceiling)) return Admission.Reason.NEVER_FITS;
        if (request.deadlines().of(false) <= nowNs) return Admission.Reason.DEADLINE_PASSED;
        if (draining) return Admission.Reason.DRAINING;
        return waitingCount() >= knobs.settings().waitingMax() ? Admission.Reason.QUEUE_FULL : null;
    }

    private void checkRefusal(GenerationRequest request, Admission.Refused refused) {
        check(!refused.retryAfter().isNegative(), "a negative time to retry");
        Admission.Reason certain = certainRefusal(request);
        switch (refused.reason()) {
            case NEVER_FITS, DEADLINE_PASSED, DRAINING, STOPPED ->
                check(refused.reason() == certain, "refused for another reason than expected: " + refused.detail());
            case QUEUE_FULL ->
                check(
                        waitingCount() > knobs.settings().waitingMax() * 0.8 || waitingCount() > 0,
                        "the queue is not full: " + refused.detail());
            case DEADLINE_TOO_SOON ->
                check(!request.deadlines().equals(Deadlines.NONE), "refused for a deadline that it has not");
            case NO_CAPACITY -> {
                check(certain == null || certain == Admission.Reason.QUEUE_FULL, "load decided what was certain");
                check(!scheduler.isIdle() || waitingCount() > 0, "an idle engine has capacity");
            }
        }
    }

    private long waitingCount() {
        return requests.stream().filter(SimulatedRequest::isWaiting).count();
    }

    private void startDraining() {
        draining = true;
        core.admission().startDraining();
    }

    /// The engine ends in the middle: every stream must end with it.
    private void endEngine() {
        loop.endAll("the engine ended");
        ended = true;
        observe();
        for (SimulatedChoice choice : choices.values()) check(choice.hasEnded(), "a stream outlives the engine");
        check(core.admission().openCount() == 0, "a request is still counted after the engine's end");
        check(
                loop.submit(anyRequest(), Attempt.FIRST, () -> {}) instanceof Admission.Refused,
                "an ended engine admits");
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
                boolean reads = switch (choice.reader) {
                    case PROMPT -> true;
                    case SLOW -> random.nextInt(8) == 0;
                    case ABSENT -> false;
                };
                if (!choice.hasEnded() && reads) choice.read();
                boolean before = choice.hasEnded();
                choice.readEnding(nowNs, ended);
                if (before || !choice.hasEnded()) continue;
                exercised.countEnding(choice.reason());
                // Whoever was only ever parked was not computed twice.
                boolean kept = request.timeline.preemptions() == 0;
                check(!kept || choice.computed <= choice.promptLength() + choice.sampled, "parked, but computed again");
            }
        }
    }

    private void checkTurn(List<Sequence> ran) {
        audit.check(scheduler.running(), scheduler.waiting());
        audit.countLeaked(scheduler.running());
        check(audit.leaked() == 0, "a block was lost");
        checkPreempted(ran);
        int open = 0;
        for (SimulatedRequest request : requests) {
            if (request.isOpen()) open++;
            for (SimulatedChoice choice : request.choices) checkEndedInTime(choice);
        }
        check(
                core.admission().openCount() == open,
                "the count of open requests differs from the streams that are open");
        check(core.admission().waitingCount() == waitingCount(), "the count of waiting requests is wrong");
        EngineStats stats = loop.stats();
        check(stats.blocks().free() + stats.blocks().used() == knobs.limits().blockCount(), "the statistics of blocks");
        check(stats.blocks().cached() <= stats.blocks().free(), "more blocks cached than free");
        check(stats.work().guaranteedPreemptions() == 0, "a guaranteed sequence gave its blocks up");
        checkCosts(stats.work());
    }

    /// What was charged to the requests is what was charged in all; of blocks but for roundings.
    private void checkCosts(EngineStats.Work work) {
        long deviceNs = 0;
        long blockNs = 0;
        for (SimulatedRequest request : requests) {
            deviceNs += request.timeline.deviceNs();
            blockNs += request.timeline.blockNs();
        }
        check(deviceNs == work.deviceNs(), "the requests' parts of the steps are not the steps");
        long roundings = work.steps() * knobs.limits().sequencesMax();
        check(Math.abs(blockNs - work.blockNs()) <= roundings, "the requests' blocks are not the blocks");
    }

    private void checkEndedInTime(SimulatedChoice choice) {
        if (choice.hasEnded()) return;
        int late = feeds ? 1 : 0;
        check(choice.cancelTurn > turn - late, "a cancelled sequence survived the next plan");
        check(
                choice.deadlineNs() > (feeds ? turnBeforeStartNs : turnStartNs),
                "an expired sequence survived the next plan");
        check(!choice.notFinite, "a sequence without finite output goes on");
        check(!choice.stepFailed, "a sequence that could not be computed goes on");
        int lag = knobs.settings().lagTokensMax();
        check(choice.stream.lag() <= lag + late, "a sequence goes on although its reader is far behind");
    }

    /// Whoever lost its blocks comes after all that ran before and still run, unless its reader lags, its
    /// tenant has all that it may have, or it is of a class that gives way to others.
    private void checkPreempted(List<Sequence> ran) {
        for (Sequence lost : ran) {
            boolean lostBlocks = lost.status() == Sequence.Status.WAITING || lost.status() == Sequence.Status.PARKED;
            Caller caller = lost.request().caller();
            if (!lostBlocks || lost.isPaused() || caller.tenant().kvCeiling() < 1) continue;
            if (caller.trafficClass().parkable()) continue;
            for (Sequence other : ran) {
                boolean runs = other.status() == Sequence.Status.RUNNING;
                boolean first = other.precedence() < lost.precedence();
                check(
                        !runs || first || other.isPaused(),
                        "a sequence gave way to one of less precedence: " + lost + " to " + other);
            }
        }
    }

    private List<Sequence> runningSequences() {
        var sequences = new ArrayList<Sequence>();
        for (int i = 0; i < scheduler.running().size(); i++)
            sequences.add(scheduler.running().get(i));
        return sequences;
    }

    private long progress() {
        long moved = scheduler.counts().parks() + scheduler.counts().preemptions();
        return shadow.computedTokens() + shadow.failures() + exercised.endings() + moved;
    }

    private void checkEnd() {
        for (SimulatedChoice choice : choices.values()) check(choice.hasEnded(), "a stream never ended");
        check(scheduler.isIdle(), "the engine says it is idle, but has sequences");
        check(core.blocks().freeCount() == knobs.limits().blockCount(), "a block was not given back");
        check(core.host().usedCount() == 0, "a host block was not given back");
        AdmissionController admission = core.admission();
        check(admission.openCount() == 0 && admission.waitingCount() == 0, "a permit was not given back");
        for (TenantAccount tenant : core.accounts().tenants()) {
            check(tenant.usedCount() == 0 && tenant.reservedCount() == 0, "a tenant's account still holds blocks");
        }
        for (ClassQueue queue : core.accounts().classes()) {
            check(queue.backlog().requests() == 0 && queue.backlog().ns() == 0, "a class's backlog is not empty");
        }
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
        return core.blocks().references(block);
    }

    @Override
    public long nowNs() {
        return nowNs;
    }

    @Override
    public int activeCount() {
        return (int) runningSequences().stream()
                .filter(sequence -> !sequence.isPaused())
                .count();
    }

    @Override
    public void duringStep() {
        inStep = true;
        nowNs += random.nextInt(4);
        deliver();
        inStep = false;
    }

    /// A hash of all plans.
    long trace() {
        return shadow.trace();
    }
}

package io.sluice.batching;

import java.lang.invoke.VarHandle;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Owns one model's engine thread and its loop: take submissions, plan, launch, await, apply. Any thread may
/// submit.
///
/// The engine ends when it is closed, when the device is lost, and when an invariant breaks. However it
/// ends, every admitted stream ends too, and nobody who reads one is left waiting.
public final class Engine implements Engines {
    private static final System.Logger LOG = System.getLogger(Engine.class.getName());

    /// Submitting and cancelling wake the engine; this bounds the harm if a wake-up were lost all the same.
    private static final long IDLE_PARK_NS = Duration.ofMillis(100).toNanos();

    private final EngineSettings settings;
    private final LongSupplier clock;
    private final Thread thread;
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile @Nullable Core core; // set once before ready, if the runner could be made
    private volatile @Nullable Throwable startFailure;
    private volatile boolean closing;
    private volatile boolean asleep; // the engine thread is about to park, or parked
    private volatile boolean alive = true;
    private volatile boolean deviceLost;
    private final CountDownLatch ended = new CountDownLatch(1);

    /// What exists once the runner does.
    private record Core(
            ModelLimits limits, boolean canReport, Accounts accounts, AdmissionController admission, EngineLoop loop) {}

    Engine(String name, EngineSettings settings, ModelRunner.Factory factory, LongSupplier clock) {
        this(name, settings, factory, null, clock);
    }

    private Engine(
            String name,
            EngineSettings settings,
            ModelRunner.Factory factory,
            ModelRunner.@Nullable Factory draft,
            LongSupplier clock) {
        this.settings = settings;
        this.clock = clock;
        thread = Thread.ofPlatform().name("engine-" + name).unstarted(() -> run(factory, draft));
    }

    /// Starts the engine thread, which makes the runner; returns when the runner is ready.
    ///
    /// @throws RuntimeException whatever the factory threw
    public static Engine start(String name, EngineSettings settings, ModelRunner.Factory runner) {
        return start(name, settings, runner, System::nanoTime);
    }

    /// The same with a draft model, whose guesses are proposed as the settings say.
    public static Engine startWithDraft(
            String name, EngineSettings settings, ModelRunner.Factory runner, ModelRunner.Factory draft) {
        Engine engine = new Engine(name, settings, runner, draft, System::nanoTime);
        engine.thread.start();
        engine.awaitReady();
        return engine;
    }

    /// The same on another clock.
    static Engine start(String name, EngineSettings settings, ModelRunner.Factory runner, LongSupplier clock) {
        Engine engine = begin(name, settings, runner, clock);
        engine.awaitReady();
        return engine;
    }

    /// Starts the engine thread and does not wait for the runner.
    static Engine begin(String name, EngineSettings settings, ModelRunner.Factory runner, LongSupplier clock) {
        var engine = new Engine(name, settings, runner, clock);
        engine.thread.start();
        return engine;
    }

    /// Returns when the runner is ready.
    ///
    /// @throws RuntimeException whatever the factory threw
    void awaitReady() {
        boolean interrupted = false;
        while (true) {
            try {
                ready.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true; // a half-started engine cannot be left behind: loading ends by itself
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        switch (startFailure) {
            case null -> {}
            case RuntimeException failure -> throw failure;
            case Error failure -> throw failure;
            case Throwable failure -> throw new IllegalStateException(failure);
        }
    }

    /// Decides about a request at once, without waiting for the engine.
    ///
    /// @throws InvalidRequest if the request names tokens that the model does not have, or wants to know of its
    /// prompt what the runner cannot tell
    @Override
    public Admission submit(GenerationRequest request, Attempt attempt) {
        Core core = core();
        if (request.promptWish() != null && !core.canReport()) {
            throw new InvalidRequest("prompt", "cannot be reported on: this device computes continuations only");
        }
        checkVocabulary(request, core.limits().vocabSize());
        Admission answer = core.loop().submit(request, attempt, this::wake);
        if (answer instanceof Admission.Admitted) wake();
        return answer;
    }

    private static void checkVocabulary(GenerationRequest request, int vocabSize) {
        for (int token : request.prompt()) {
            if (token < 0 || token >= vocabSize) {
                throw new InvalidRequest("prompt", "has token id " + token + ", outside [0, " + vocabSize + ")");
            }
        }
        for (int token : request.sampling().logitBias().keySet()) {
            if (token < 0 || token >= vocabSize) {
                throw new InvalidRequest("logit_bias", "has token id " + token + ", outside [0, " + vocabSize + ")");
            }
        }
    }

    /// Wakes the engine thread if it sleeps. It says so before it looks for work a last time, and we look at
    /// that after the work is visible: one of the two sees the other.
    private void wake() {
        VarHandle.fullFence();
        if (asleep) LockSupport.unpark(thread);
    }

    /// What the runner can hold.
    @Override
    public ModelLimits limits() {
        return core().limits();
    }

    /// Requests that were admitted and have not ended. Exact at any moment.
    int openCount() {
        return core().admission().openCount();
    }

    /// The most admitted requests of one tenant that may wait for a first step.
    @Override
    public int waitingMax() {
        return AdmissionController.waitingMaxOfOne(settings.waitingMax());
    }

    /// The tenant's blocks of the KV cache, as of the latest step or later; none of a tenant that the
    /// engine does not know (yet, or any more).
    @Override
    public TenantBlocks blocksOf(String tenant) {
        Core core = core();
        core.loop().stats(); // what was written before it was published is seen
        TenantAccount account = core.accounts().find(tenant);
        return account == null ? TenantBlocks.NONE : account.blocks();
    }

    /// The latest snapshot.
    @Override
    public EngineStats stats() {
        return core().loop().stats();
    }

    @Override
    public StepFigures figures() {
        return core().loop().figures();
    }

    @Override
    public Outlook outlook() {
        return alive ? core().loop().outlook() : Outlook.NOTHING;
    }

    /// When the step in flight began, on the engine's clock; 0 while there is none. It stays where it is
    /// while a step hangs, also if nobody submits.
    @Override
    public long stepStartedNs() {
        return alive ? core().loop().steps().startedNs() : StepClock.IDLE;
    }

    /// How long the longest of the recent steps took, without a single one that stands out.
    @Override
    public long usualStepMaxNs() {
        return core().loop().steps().usualMaxNs();
    }

    /// What the engine has before it: those that run in order of precedence, then those that wait in order of
    /// arrival, a thousand at most. Waits for the step under way.
    ///
    /// @return empty if the engine does not answer within `patience`, or not any more
    @Override
    public Optional<List<SequenceState>> sequences(Duration patience) throws InterruptedException {
        return alive ? core().loop().sequences(this::wake, patience) : Optional.empty();
    }

    /// The clock that deadlines are on, in nanoseconds.
    @Override
    public long nowNs() {
        return clock.getAsLong();
    }

    /// False once the engine has stopped by itself (device lost, broken invariant) or was closed: nothing is
    /// served.
    @Override
    public boolean isAlive() {
        return alive;
    }

    /// True once the device cannot be used again in this process; set before the first stream ends of it.
    @Override
    public boolean isDeviceLost() {
        return deviceLost;
    }

    /// Waits until the engine has stopped and every stream it had has ended, at most for `patience`. The
    /// runner may not be closed yet.
    ///
    /// @return true if that is so
    @Override
    public boolean awaitEnd(Duration patience) throws InterruptedException {
        return ended.await(patience.toNanos(), TimeUnit.NANOSECONDS);
    }

    /// Refuses new work from now on and waits until everything admitted has ended, at most `grace`.
    ///
    /// @return true if nothing was left
    @Override
    public boolean drain(Duration grace) throws InterruptedException {
        core().admission().startDraining();
        return core().admission().awaitEmpty(grace);
    }

    /// Ends what is left as failed and retryable, closes the runner on the engine thread, and waits for the
    /// thread.
    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(thread);
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true; // the device's memory must be given back before the caller goes on
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
    }

    private Core core() {
        Core made = core;
        if (made == null) throw new IllegalStateException("the engine has no runner");
        return made;
    }

    private void run(ModelRunner.Factory factory, ModelRunner.@Nullable Factory draft) {
        try (ModelRunner runner = factory.create();
                Proposer guesses = draft == null ? null : guesses(runner, draft)) {
            Core made = assemble(runner, guesses == null ? EngineParts.REAL : new EngineParts.WithDraft(guesses));
            core = made;
            ready.countDown();
            serve(made);
        } catch (Throwable failure) {
            if (ready.getCount() > 0) startFailure = failure;
            else LOG.log(System.Logger.Level.ERROR, "the runner could not be closed", failure);
        } finally {
            alive = false;
            ready.countDown();
            ended.countDown();
        }
    }

    private static Proposer guesses(ModelRunner runner, ModelRunner.Factory draft) {
        ModelRunner made = draft.create();
        try {
            requireSameVocabulary(made, runner);
            return new DraftProposer(made);
        } catch (RuntimeException | Error e) { // nobody else would close it
            made.close();
            throw e;
        }
    }

    private static void requireSameVocabulary(ModelRunner draft, ModelRunner runner) {
        int vocabSize = draft.limits().vocabSize();
        if (vocabSize == runner.limits().vocabSize()) return;
        throw new IllegalArgumentException("the draft model has " + vocabSize + " tokens, the model "
                + runner.limits().vocabSize() + ": both must have the same vocabulary");
    }

    private Core assemble(ModelRunner runner, EngineParts kind) {
        EngineParts.Core parts = kind.core(runner.limits(), settings, new SecureRandom());
        Scheduler scheduler = kind.scheduler(parts);
        return new Core(
                runner.limits(),
                runner.canReport(),
                parts.accounts(),
                parts.admission(),
                new EngineLoop(parts, scheduler, runner, clock));
    }

    private void serve(Core made) {
        String detail = "the engine was closed; the request can be tried again";
        try {
            while (!closing) {
                switch (made.loop().turn()) {
                    case WORKED -> {}
                    case HELD_UP -> awaitNews(made.loop());
                    case IDLE -> awaitWork(made.loop());
                }
            }
        } catch (Throwable failure) {
            deviceLost = failure instanceof ModelRunner.DeviceLost;
            detail = deviceLost
                    ? "the device was lost; the request can be tried again elsewhere"
                    : "the engine stopped; the request can be tried again elsewhere";
            LOG.log(System.Logger.Level.ERROR, "the engine stops: " + failure.getMessage(), failure);
        } finally {
            alive = false;
            made.loop().endAll(detail);
            ended.countDown();
        }
    }

    private void awaitWork(EngineLoop loop) {
        boolean checked = false;
        asleep = true;
        VarHandle.fullFence();
        while (!loop.hasMail() && !closing) {
            long startNs = System.nanoTime();
            loop.answerInquiry();
            park();
            if (!checked && System.nanoTime() - startNs >= IDLE_PARK_NS) {
                loop.checkInvariants();
                checked = true;
            }
        }
        asleep = false;
        loop.resume();
    }

    /// Until a request comes, a reader catches up or gives up, or it is time to look whether one has stalled.
    private void awaitNews(EngineLoop loop) {
        asleep = true;
        VarHandle.fullFence();
        if (!loop.hasMail() && !loop.hasNews() && !loop.isAsked() && !closing) park();
        asleep = false;
    }

    private void park() {
        LockSupport.parkNanos(this, IDLE_PARK_NS);
        Thread.interrupted(); // nobody has a reason to interrupt us; it must not turn the park into a spin
    }
}

package io.sluice.server;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.IntUnaryOperator;

/// Stands between an engine and its real runner: holds steps, and makes the part of one request in them go wrong. The
/// request is known by its seed.
record MeddledRunner(ModelRunner runner, Meddler meddler) implements ModelRunner {

    /// What goes wrong.
    enum Fault {
        NONE,
        /// The step finds no memory.
        NO_MEMORY,
        /// The real runner is given a block that it does not have.
        KERNEL,
        /// The request's logits are no numbers.
        NOT_FINITE,
        /// The device cannot be used any more, for anybody.
        DEVICE_LOST
    }

    /// Says what is done to the steps. Any thread.
    static final class Meddler {
        static final long VICTIM_SEED = 666;

        /// The victim has got so many tokens before something goes wrong.
        static final int TOKENS_BEFORE = 5;

        private final Semaphore steps = new Semaphore(0);
        private volatile boolean open = true;
        private volatile Fault fault = Fault.NONE;
        private volatile BooleanSupplier clientsAreAsFar = () -> true;

        void hold() {
            open = false;
        }

        /// Steps that are being held.
        int heldCount() {
            return steps.getQueueLength();
        }

        void allow(int count) {
            steps.release(count);
        }

        void letGo() {
            open = true;
            steps.release(1_000_000);
        }

        void cause(Fault next) {
            fault = next;
        }

        /// The same, but not before the clients have seen so much: a request that fails before its status line has gone
        /// out is answered otherwise than one that fails after it.
        void cause(Fault next, BooleanSupplier clientsAreAsFar) {
            this.clientsAreAsFar = clientsAreAsFar;
            fault = next;
        }

        /// What is to go wrong now, in a step of the victim. Waits a while for clients that are behind; where that is
        /// in vain, because they wait for steps themselves, nothing goes wrong in this one.
        private Fault due() {
            Fault due = fault;
            for (int wait = 0; due != Fault.NONE && !clientsAreAsFar.getAsBoolean(); wait++) {
                if (wait == 500) return Fault.NONE;
                LockSupport.parkNanos(1_000_000);
            }
            return due;
        }
    }

    @Override
    public ModelLimits limits() {
        return runner.limits();
    }

    @Override
    public int proposedMax() {
        return runner.proposedMax();
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        int victim = victimOf(plan);
        Fault fault = victim < 0 ? Fault.NONE : meddler.due();
        InFlightStep step = runner.launch(fault == Fault.KERNEL ? withImpossibleBlock(plan, victim) : plan);
        return () -> {
            if (!meddler.open) meddler.steps.acquireUninterruptibly();
            StepResult result = step.await();
            switch (fault) {
                case NONE, KERNEL -> {}
                case NO_MEMORY -> throw new StepFailed("no memory, by a test", new OutOfMemoryError());
                case NOT_FINITE -> result.set(victim, StepResult.NO_TOKEN, Float.NaN);
                case DEVICE_LOST -> throw new DeviceLost("taken away by a test", new IllegalStateException());
            }
            return result;
        };
    }

    private static int victimOf(StepPlan plan) {
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            if (!plan.samples(slice) || plan.sampling(slice).seed() != Meddler.VICTIM_SEED) continue;
            int end = plan.firstPosition(slice) + plan.length(slice);
            if (end - plan.promptLength(slice) >= Meddler.TOKENS_BEFORE) return slice;
        }
        return -1;
    }

    /// The same plan, but that the victim's last block is none.
    private StepPlan withImpossibleBlock(StepPlan plan, int victim) {
        StepPlan changed = new StepPlan(limits());
        for (int i = 0; i < plan.copiesOutCount(); i++) changed.copyOut(plan.copyOutBlock(i), plan.copyOutHostBlock(i));
        for (int i = 0; i < plan.copiesInCount(); i++) changed.copyIn(plan.copyInHostBlock(i), plan.copyInBlock(i));
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int position = plan.firstPosition(slice);
            int[] tokens = new int[position + plan.length(slice)]; // only the slice's own are looked at
            for (int i = position; i < tokens.length; i++)
                tokens[i] = plan.token(plan.tokenStart(slice) + i - position);
            int[] blocks = new int[plan.blockCount(slice)];
            Arrays.setAll(blocks, block(plan, slice));
            if (slice == victim) blocks[blocks.length - 1] = limits().blockCount();
            changed.add(tokens, position, plan.length(slice), blocks, blocks.length);
            if (!plan.samples(slice)) continue;
            changed.sample(plan.sampling(slice), tokens, plan.promptLength(slice), plan.endTokens(slice));
        }
        return changed;
    }

    private static IntUnaryOperator block(StepPlan plan, int slice) {
        return index -> plan.block(slice, index);
    }

    @Override
    public void close() {
        runner.close();
    }
}

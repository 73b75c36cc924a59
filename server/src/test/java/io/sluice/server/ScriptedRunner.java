package io.sluice.server;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.PromptEmbedding;
import io.sluice.batching.PromptLogprobs;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/// A strict fake device: continues every sequence by a script that is part of the prompt, one byte per token. It knows
/// no text: token ids below 256 are bytes, `END` ends. The script is what stands in the prompt after the last `SCRIPT`
/// token; without one, the prompt itself is repeated for ever. Steps can be held by a gate, and go wrong
/// on purpose.
final class ScriptedRunner implements ModelRunner {
    static final int SCRIPT = 256;
    static final int END = 257;
    static final int VOCAB_SIZE = 258;

    /// Numbers of its hidden states: the token, its position, one, nothing.
    static final int WIDTH = 4;

    /// What a step takes in the device's own time, which no clock of this machine moves.
    private static final long STEP_NS = 1_000_000;

    private static final long TOKEN_NS = 100_000;

    private final ModelLimits limits;
    private final Gate gate;
    private final StepResult result;
    private final int[] cache; // [block, offset]
    private final int[] parked; // [host block, offset]

    ScriptedRunner(ModelLimits limits, Gate gate) {
        this.limits = limits;
        this.gate = gate;
        this.result = new StepResult(limits.sequencesMax());
        this.cache = new int[limits.blockCount() * limits.blockSize()];
        this.parked = new int[limits.hostBlockCount() * limits.blockSize()];
    }

    /// Lets steps through: all of them until it is closed, then only as many as it is given. Can break the device.
    static final class Gate {
        private final Semaphore steps = new Semaphore(0);
        private volatile boolean open = true;
        private volatile boolean broken;
        private volatile boolean failing;
        private volatile boolean dizzy;
        private volatile SamplingParams latestSampling = SamplingParams.GREEDY;
        private final AtomicInteger stepsDone = new AtomicInteger();
        private final AtomicLong deviceNs = new AtomicLong();

        void close() {
            steps.drainPermits(); // of an earlier opening
            open = false;
        }

        void open() {
            open = true;
            steps.release(1_000_000);
        }

        void allow(int count) {
            steps.release(count);
        }

        void breakDevice() {
            broken = true;
            open();
        }

        /// From now on steps fail, whatever is in them.
        void failSteps() {
            failing = true;
        }

        /// Steps succeed again.
        void heal() {
            failing = false;
        }

        /// From now on no logit is a number.
        void becomeDizzy() {
            dizzy = true;
        }

        /// How the last token was to be chosen.
        SamplingParams latestSampling() {
            return latestSampling;
        }

        /// The device's own time: what its steps took so far, by their tokens.
        long deviceNs() {
            return deviceNs.get();
        }

        private void spend(long ns) {
            deviceNs.addAndGet(ns);
        }

        int stepsDone() {
            return stepsDone.get();
        }

        private void pass() {
            if (!open) steps.acquireUninterruptibly();
            if (broken) throw new DeviceLost("the fake device was broken on purpose", new IllegalStateException());
            if (failing) throw new StepFailed("the fake step failed on purpose", new IllegalStateException());
            stepsDone.incrementAndGet();
        }
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        return () -> {
            gate.pass();
            copy(plan);
            gate.spend(STEP_NS + plan.tokenCount() * TOKEN_NS);
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                remember(plan, slice);
                report(plan, slice);
                if (plan.samples(slice)) sample(plan, slice);
            }
            return result;
        };
    }

    private void copy(StepPlan plan) {
        int size = limits.blockSize();
        for (int i = 0; i < plan.copiesOutCount(); i++) {
            System.arraycopy(cache, plan.copyOutBlock(i) * size, parked, plan.copyOutHostBlock(i) * size, size);
        }
        for (int i = 0; i < plan.copiesInCount(); i++) {
            System.arraycopy(parked, plan.copyInHostBlock(i) * size, cache, plan.copyInBlock(i) * size, size);
        }
    }

    /// The fake's keys and values: the token itself, where the plan says that its position lies.
    private void remember(StepPlan plan, int slice) {
        for (int i = 0; i < plan.length(slice); i++) {
            cache[place(plan, slice, plan.firstPosition(slice) + i)] = plan.token(plan.tokenStart(slice) + i);
        }
    }

    /// What it tells of a prompt's token: minus a quarter of its id modulo 8, and the rank 2. Likeliest are `a`, `b`,
    /// ...
    private static void report(StepPlan plan, int slice) {
        for (int i = 0; i < plan.length(slice); i++) {
            int position = plan.firstPosition(slice) + i;
            int token = plan.token(plan.tokenStart(slice) + i);
            int next = plan.promptTokenAfter(slice, i);
            switch (plan.report(slice)) {
                case null -> {}
                case PromptLogprobs report -> {
                    if (next == StepPlan.NO_TOKEN || !report.set(position + 1, next % 8 / -4f, 2)) break;
                    for (int rank = 0; rank < report.topMax(); rank++) report.addTop(position + 1, 'a' + rank, -rank);
                }
                case PromptEmbedding report -> {
                    if (!report.begin(position, WIDTH)) break;
                    float[] state = {token, position, 1, 0};
                    for (int index = 0; index < WIDTH; index++) report.add(index, state[index]);
                }
            }
        }
    }

    private int place(StepPlan plan, int slice, int position) {
        int blockSize = limits.blockSize();
        return plan.block(slice, position / blockSize) * blockSize + position % blockSize;
    }

    private void sample(StepPlan plan, int slice) {
        int[] sequence = new int[plan.firstPosition(slice) + plan.length(slice)];
        for (int i = 0; i < sequence.length; i++) sequence[i] = cache[place(plan, slice, i)];
        int promptLength = plan.promptLength(slice);
        int wanted = scripted(sequence, promptLength, sequence.length - promptLength);
        int token = gate.dizzy ? StepResult.NO_TOKEN : allowed(plan, slice, wanted);
        gate.latestSampling = plan.sampling(slice);
        result.set(slice, token, -0.5f);
        for (int rank = 0; rank < plan.sampling(slice).topLogprobs(); rank++) {
            result.addTop(slice, rank == 0 ? token : 'a' + rank, -0.5f - rank);
        }
    }

    /// The script's token, if the sequence's constraint allows it; else the next that it does, END last.
    private static int allowed(StepPlan plan, int slice, int wanted) {
        for (int i = 0; i < VOCAB_SIZE; i++) {
            int token = (wanted + i) % VOCAB_SIZE;
            if (plan.allows(slice, 0, token)) return token;
        }
        return StepResult.NO_TOKEN;
    }

    private static int scripted(int[] sequence, int promptLength, int position) {
        int start = 0;
        boolean found = false;
        for (int i = 0; i < promptLength; i++) {
            if (sequence[i] == SCRIPT) {
                start = i + 1;
                found = true;
            }
        }
        int length = promptLength - start;
        if (!found) return sequence[position % promptLength];
        return position < length ? sequence[start + position] : END;
    }

    @Override
    public void close() {}
}

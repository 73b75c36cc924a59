package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/// Plays the engine for a runner: keeps sequences, gives them blocks from a shuffled pool, makes plans.
final class RunnerHarness {

    /// A sequence: its tokens, how many of them are computed, its blocks in order of position.
    static final class Sequence {
        final int promptLength;
        final SamplingParams sampling;
        private int[] tokens;
        private int[] blocks = {};
        private int[] hostBlocks = {};
        int computed;

        private Sequence(int[] prompt, SamplingParams sampling) {
            tokens = prompt.clone();
            promptLength = prompt.length;
            this.sampling = sampling;
        }

        int[] output() {
            return Arrays.copyOfRange(tokens, promptLength, tokens.length);
        }

        int uncomputed() {
            return tokens.length - computed;
        }

        void append(int token) {
            tokens = Arrays.copyOf(tokens, tokens.length + 1);
            tokens[tokens.length - 1] = token;
        }
    }

    private final LogitsRunner runner;
    private final ModelLimits limits;
    private final StepPlan plan;
    private final List<Integer> freeBlocks = new ArrayList<>();
    private final List<Integer> freeHostBlocks = new ArrayList<>();

    RunnerHarness(LogitsRunner runner, Random random) {
        this.runner = runner;
        limits = runner.limits();
        plan = new StepPlan(limits);
        for (int block = 0; block < limits.blockCount(); block++) freeBlocks.add(block);
        for (int block = 0; block < limits.hostBlockCount(); block++) freeHostBlocks.add(block);
        Collections.shuffle(freeBlocks, random);
        Collections.shuffle(freeHostBlocks, random);
    }

    Sequence sequence(int[] prompt) {
        return new Sequence(prompt, SamplingParams.GREEDY);
    }

    Sequence sequence(int[] prompt, SamplingParams sampling) {
        return new Sequence(prompt, sampling);
    }

    /// Gives the sequence's blocks back, uncleaned.
    void free(Sequence sequence) {
        for (int block : sequence.blocks) freeBlocks.addFirst(block);
        sequence.blocks = new int[0];
        sequence.computed = 0;
    }

    /// Gives the sequence's blocks up; a step that comes copies them out to as many host blocks.
    void park(Sequence sequence) {
        sequence.hostBlocks = new int[sequence.blocks.length];
        for (int i = 0; i < sequence.blocks.length; i++) {
            sequence.hostBlocks[i] = freeHostBlocks.removeLast();
            plan.copyOut(sequence.blocks[i], sequence.hostBlocks[i]);
            freeBlocks.addLast(sequence.blocks[i]);
        }
        sequence.blocks = new int[0];
    }

    /// Takes blocks for a parked sequence, which the step that comes fills from the host's.
    void bringBack(Sequence sequence) {
        sequence.blocks = new int[sequence.hostBlocks.length];
        for (int i = 0; i < sequence.blocks.length; i++) {
            sequence.blocks[i] = freeBlocks.removeLast();
            plan.copyIn(sequence.hostBlocks[i], sequence.blocks[i]);
            freeHostBlocks.addLast(sequence.hostBlocks[i]);
        }
        sequence.hostBlocks = new int[0];
    }

    void clearPlan() {
        plan.clear();
    }

    /// Adds the sequence's next `length` tokens to the plan; it samples if they are its last.
    void add(Sequence sequence, int length) {
        int end = sequence.computed + length;
        while (sequence.blocks.length * limits.blockSize() < end) {
            sequence.blocks = Arrays.copyOf(sequence.blocks, sequence.blocks.length + 1);
            sequence.blocks[sequence.blocks.length - 1] = freeBlocks.removeLast();
        }
        plan.add(sequence.tokens, sequence.computed, length, sequence.blocks, sequence.blocks.length);
        if (end == sequence.tokens.length) {
            plan.sample(sequence.sampling, sequence.tokens, sequence.promptLength, new int[0]);
        }
        sequence.computed = end;
    }

    StepResult step() {
        return runner.launch(plan).await();
    }

    /// A step whose only slice is the sequence's: appends the token if it samples.
    void stepAndAppend(Sequence sequence) {
        StepResult result = step();
        if (plan.samples(0)) sequence.append(result.token(0));
    }

    /// Tokens that the free blocks hold.
    int freeTokens() {
        return freeBlocks.size() * limits.blockSize();
    }

    /// The plan's logits: [token][vocab].
    float[][] logits() {
        int vocab = limits.vocabSize();
        float[][] rows = new float[plan.tokenCount()][vocab];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment logits = arena.allocate(4L * plan.tokenCount() * vocab, 64);
            runner.computeLogits(plan, logits);
            for (int row = 0; row < rows.length; row++) {
                MemorySegment.copy(logits, JAVA_FLOAT, 4L * row * vocab, rows[row], 0, vocab);
            }
        }
        return rows;
    }

    /// The prompt's logits, computed alone in chunks of at most `chunk` tokens.
    float[][] promptLogits(int[] prompt, int chunk) {
        Sequence sequence = sequence(prompt);
        List<float[]> rows = new ArrayList<>();
        while (sequence.uncomputed() > 0) {
            clearPlan();
            add(sequence, Math.min(chunk, sequence.uncomputed()));
            Collections.addAll(rows, logits());
        }
        free(sequence);
        return rows.toArray(float[][]::new);
    }

    /// Runs the sequences together, each prompt in chunks of at most `chunk` tokens, until each has `newTokens` tokens
    /// of output, and gives their blocks back.
    void generate(List<Sequence> sequences, int chunk, int newTokens) {
        List<Sequence> running = new ArrayList<>(sequences);
        while (!running.isEmpty()) {
            clearPlan();
            List<Sequence> planned = new ArrayList<>();
            for (Sequence sequence : running) {
                int room = limits.stepTokensMax() - plan.tokenCount();
                int length = Math.min(Math.min(chunk, room), sequence.uncomputed());
                if (length == 0 || planned.size() == limits.sequencesMax()) continue;
                add(sequence, length);
                planned.add(sequence);
            }
            StepResult result = step();
            for (int slice = 0; slice < planned.size(); slice++) {
                if (plan.samples(slice)) planned.get(slice).append(result.token(slice));
            }
            running.removeIf(sequence -> sequence.output().length == newTokens);
        }
        sequences.forEach(this::free);
    }
}

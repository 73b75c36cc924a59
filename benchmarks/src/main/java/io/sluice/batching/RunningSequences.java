package io.sluice.batching;

import java.util.Random;
import java.util.SplittableRandom;

/// The production scheduler with sequences that all write, on a device that answers at once. What benchmarks of plan
/// and apply have in common. One thread.
///
/// Nobody reads the streams: how far readers may be behind is unbounded here, so that nothing stands still.
final class RunningSequences {
    static final int VOCABULARY = 32_000;

    /// A step of a device that takes as long as one that computes.
    private static final long STEP_NS = 10_000_000;

    private final Scheduler scheduler;
    private final EngineParts.Core core;
    private final StepResult result;
    private long nowNs = 1;

    /// @param count sequences that run
    /// @param promptTokens of each; all prompts differ
    /// @param steps that can be computed before the first sequence ends
    RunningSequences(int count, int promptTokens, int steps) {
        int contextMax = promptTokens + steps + 2;
        int blockSize = 16;
        var limits = new ModelLimits(
                count * Math.ceilDiv(contextMax, blockSize),
                blockSize,
                contextMax,
                count * (promptTokens + 1),
                count,
                VOCABULARY,
                0);
        var settings = new EngineSettings(2 * count + 8, true, promptTokens, 1 << 30, EngineSettings.STALL_NS);
        core = EngineParts.REAL.core(limits, settings, new SplittableRandom(1));
        scheduler = EngineParts.REAL.scheduler(core);
        result = new StepResult(count);
        var random = new Random(1);
        for (int i = 0; i < count; i++) {
            int[] prompt = random.ints(promptTokens, 0, VOCABULARY).toArray();
            scheduler.add(admitted(new GenerationRequest(
                    "request-" + i,
                    prompt,
                    steps + 2,
                    1,
                    SamplingParams.GREEDY,
                    new int[0],
                    Caller.ANONYMOUS,
                    PrefixScope.of(0),
                    Deadlines.NONE)));
        }
        while (!allWrite(count)) step();
    }

    private Submission admitted(GenerationRequest request) {
        return switch (core.admission().admit(request, Attempt.FIRST, nowNs, () -> {})) {
            case AdmissionController.Verdict.Taken(var submission) -> submission;
            case AdmissionController.Verdict.NotTaken(var refused) -> throw new AssertionError(refused);
        };
    }

    private boolean allWrite(int count) {
        SequenceList running = scheduler.running();
        if (running.size() < count) return false;
        for (int i = 0; i < count; i++) {
            if (running.get(i).sampled() == 0) return false;
        }
        return true;
    }

    /// Plans a step and takes in its result.
    ///
    /// @return tokens in the step
    int step() {
        StepPlan plan = scheduler.plan(nowNs);
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            if (plan.samples(slice)) result.set(slice, plan.firstPosition(slice) % VOCABULARY, 0f);
        }
        nowNs += STEP_NS;
        scheduler.apply(plan, result, nowNs, STEP_NS);
        return plan.tokenCount();
    }
}

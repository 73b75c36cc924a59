package io.sluice.batching;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// A scheduler on its own, stepped by hand. The token after position `p` is `p + 1`; each step is told as
/// text: `a[0,8) b[3,4)*` computes positions 0 to 7 of request a, and position 3 of request b, sampling
/// after it.
final class SchedulerHarness {
    private static final int NOBODY_READS = 1_000_000; // and nobody is waited for

    final ModelLimits limits;
    final EngineParts.Core core;
    final Scheduler scheduler;
    private final BlockAudit audit;
    private final StepResult result;
    long nowNs;
    long stepNs;

    SchedulerHarness(ModelLimits limits, int sliceTokensMax) {
        this(limits, new EngineSettings(1000, true, sliceTokensMax, NOBODY_READS, EngineSettings.STALL_NS));
    }

    SchedulerHarness(ModelLimits limits, EngineSettings settings) {
        this.limits = limits;
        core = EngineParts.REAL.core(limits, settings, new Random(1));
        scheduler = EngineParts.REAL.scheduler(core);
        audit = new BlockAudit(limits, core.blocks(), core.host());
        result = new StepResult(limits.sequencesMax());
    }

    /// Submits an anonymous request whose prompt is `firstToken`, `firstToken + 1` and so on.
    List<TokenStream> submit(String id, int firstToken, int promptLength, int maxNewTokens, int choices) {
        return submit(Caller.ANONYMOUS, id, firstToken, promptLength, maxNewTokens, choices);
    }

    /// The same for a caller; each tenant has a salt of its own.
    List<TokenStream> submit(
            Caller caller, String id, int firstToken, int promptLength, int maxNewTokens, int choices) {
        int[] prompt = new int[promptLength];
        for (int i = 0; i < promptLength; i++) prompt[i] = firstToken + i;
        return submit(new GenerationRequest(
                id,
                prompt,
                maxNewTokens,
                choices,
                SamplingParams.GREEDY,
                new int[0],
                caller,
                PrefixScope.of(caller.tenant().name().hashCode()),
                Deadlines.NONE));
    }

    List<TokenStream> submit(GenerationRequest request) {
        return admit(request).streams();
    }

    /// The same, told by what became of it.
    Submission admit(GenerationRequest request) {
        return switch (core.admission().admit(request, Attempt.FIRST, nowNs, core.attendance()::announceNews)) {
            case AdmissionController.Verdict.Taken(var submission) -> {
                scheduler.add(submission);
                yield submission;
            }
            case AdmissionController.Verdict.NotTaken(var refused) ->
                throw new IllegalStateException("refused: " + request + ": " + refused);
        };
    }

    /// Plans and applies a step.
    ///
    /// @return the plan as text
    String step() {
        StepPlan plan = scheduler.plan(nowNs);
        String text = text(plan);
        if (!plan.isEmpty()) apply(plan);
        audit.check(scheduler.running(), scheduler.waiting());
        return text;
    }

    /// The texts of `count` steps.
    List<String> steps(int count) {
        var texts = new ArrayList<String>();
        for (int i = 0; i < count; i++) texts.add(step());
        return texts;
    }

    void apply(StepPlan plan) {
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int end = plan.firstPosition(slice) + plan.length(slice);
            if (plan.samples(slice)) result.set(slice, end % limits.vocabSize(), 0);
        }
        nowNs += stepNs;
        scheduler.apply(plan, result, nowNs, stepNs);
    }

    int freeBlocks() {
        return core.blocks().freeCount();
    }

    private String text(StepPlan plan) {
        var parts = new ArrayList<String>();
        if (plan.copiesOutCount() > 0) parts.add("out:" + plan.copiesOutCount());
        if (plan.copiesInCount() > 0) parts.add("in:" + plan.copiesInCount());
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            Sequence sequence = scheduler.planned(slice);
            String name = sequence.request().id() + (sequence.choice() > 0 ? "/" + sequence.choice() : "");
            int first = plan.firstPosition(slice);
            String range = "[%d,%d)".formatted(first, first + plan.length(slice));
            parts.add(name + range + (plan.samples(slice) ? "*" : ""));
        }
        return String.join(" ", parts);
    }
}

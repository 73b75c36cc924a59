package io.sluice.batching;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// A scheduler on its own, stepped by hand. The token after position `p` is `p + 1`; each step is told as text:
/// `a[0,8) b[3,4)*` computes positions 0 to 7 of request a, and position 3 of request b, sampling after it.
final class SchedulerHarness {
    final ModelLimits limits;
    final AdmissionController admission;
    final Scheduler scheduler;
    final BlockPool pool;
    private final StepResult result;

    SchedulerHarness(ModelLimits limits, int sliceTokensMax) {
        this.limits = limits;
        var settings = new EngineSettings(1000, true, sliceTokensMax);
        var index = new PrefixIndex(limits.blockCount(), limits.blockSize(), BlockHash.keyed(new Random(1)));
        pool = new BlockPool(limits.blockCount(), index);
        var blocks = new BlockAllocator(limits.blockSize(), true, pool, index);
        admission = new AdmissionController(limits, settings.waitingMax(), 0);
        scheduler = new Scheduler(limits, settings, blocks, admission);
        result = new StepResult(limits.sequencesMax());
    }

    /// Submits a request whose prompt is `firstToken`, `firstToken + 1` and so on.
    List<TokenStream> submit(String id, int firstToken, int promptLength, int maxNewTokens, int choices) {
        int[] prompt = new int[promptLength];
        for (int i = 0; i < promptLength; i++) prompt[i] = firstToken + i;
        var request = new GenerationRequest(
                id,
                prompt,
                maxNewTokens,
                choices,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
        var submission = new Submission(request, () -> {});
        if (admission.admit(submission, 0).isPresent()) throw new IllegalStateException("refused: " + request);
        scheduler.add(submission);
        return submission.streams();
    }

    /// Plans and applies a step.
    ///
    /// @return the plan as text
    String step() {
        StepPlan plan = scheduler.plan(0);
        String text = text(plan);
        apply(plan);
        scheduler.checkInvariants();
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
        scheduler.apply(plan, result);
    }

    private String text(StepPlan plan) {
        var slices = new ArrayList<String>();
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            Sequence sequence = scheduler.planned(slice);
            String name = sequence.request().id() + (sequence.choice() > 0 ? "/" + sequence.choice() : "");
            int first = plan.firstPosition(slice);
            String range = "[%d,%d)".formatted(first, first + plan.length(slice));
            slices.add(name + range + (plan.samples(slice) ? "*" : ""));
        }
        return String.join(" ", slices);
    }
}

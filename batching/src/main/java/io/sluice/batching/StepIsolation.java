package io.sluice.batching;

/// Computes a step that failed again, whole and then in ever smaller parts, so that only the sequences fail
/// that cannot be computed even alone. What a slice computes does not depend on the others in its step, so
/// the rest get the tokens that they would have had. Engine thread only.
final class StepIsolation {
    private final ModelRunner runner;
    private final StepPlan part;
    private final StepResult result;

    StepIsolation(ModelRunner runner) {
        this.runner = runner;
        part = new StepPlan(runner.limits());
        result = new StepResult(runner.limits().sequencesMax(), runner.proposedMax());
    }

    /// The plan's result, in which the slices that could not be computed have failed. Its copies were made
    /// already.
    StepResult compute(StepPlan plan) {
        result.clearFailures();
        compute(plan, 0, plan.sliceCount());
        return result;
    }

    private void compute(StepPlan plan, int from, int to) {
        part.clear();
        for (int slice = from; slice < to; slice++) part.addFrom(plan, slice);
        try {
            StepResult computed = runner.launch(part).await();
            for (int slice = from; slice < to; slice++) {
                if (plan.samples(slice)) result.copy(slice, computed, slice - from);
            }
        } catch (ModelRunner.StepFailed failure) {
            if (to - from <= 1) {
                if (to > from) result.fail(from);
                return;
            }
            int middle = (from + to) >>> 1;
            compute(plan, from, middle);
            compute(plan, middle, to);
        }
    }
}

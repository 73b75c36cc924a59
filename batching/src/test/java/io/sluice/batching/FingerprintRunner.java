package io.sluice.batching;

/// A device whose tokens follow from what its cache really holds, as `UnbatchedModel` has it: whoever plans wrongly
/// gets other tokens. It may err at every so manieth position, and fail.
final class FingerprintRunner implements ModelRunner {
    private final ModelLimits limits;
    private final int errsEvery;
    private final long[] cache; // [block, offset]
    private final StepResult result;
    private int failing; // further steps that fail
    int steps;
    int tokens;
    boolean closed;

    FingerprintRunner(ModelLimits limits) {
        this(limits, Integer.MAX_VALUE);
    }

    FingerprintRunner(ModelLimits limits, int errsEvery) {
        this.limits = limits;
        this.errsEvery = errsEvery;
        cache = new long[limits.blockCount() * limits.blockSize()];
        result = new StepResult(limits.sequencesMax(), proposedMax());
    }

    void failNext(int count) {
        failing = count;
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public int proposedMax() {
        return SpeculationSettings.TOKENS_MAX;
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        return () -> {
            steps++;
            tokens += plan.tokenCount();
            if (failing > 0) {
                failing--;
                throw new StepFailed("injected", new IllegalStateException("injected"));
            }
            for (int slice = 0; slice < plan.sliceCount(); slice++) compute(plan, slice);
            return result;
        };
    }

    private void compute(StepPlan plan, int slice) {
        int first = plan.firstPosition(slice);
        for (int i = 0; i < plan.length(slice); i++) {
            int position = first + i;
            long before = position == 0 ? UnbatchedModel.ROOT : cache[slot(plan, slice, position - 1)];
            int token = plan.token(plan.tokenStart(slice) + i);
            cache[slot(plan, slice, position)] = UnbatchedModel.fingerprint(before, token, position);
        }
        for (int i = 0; i < plan.sampleCount(slice) && result.isWanted(plan, slice, i); i++) sample(plan, slice, i);
    }

    private void sample(StepPlan plan, int slice, int index) {
        int position = plan.samplePosition(slice, index);
        long fingerprint = cache[slot(plan, slice, position - 1)];
        int token = UnbatchedModel.next(
                fingerprint, plan.sampling(slice).seed(), limits.vocabSize(), it -> plan.allows(slice, index, it));
        boolean errs = position % errsEvery == 0;
        result.put(slice, index, errs ? (token + 1) % limits.vocabSize() : token, 0);
    }

    private int slot(StepPlan plan, int slice, int position) {
        return plan.block(slice, position / limits.blockSize()) * limits.blockSize() + position % limits.blockSize();
    }

    @Override
    public void close() {
        closed = true;
    }
}

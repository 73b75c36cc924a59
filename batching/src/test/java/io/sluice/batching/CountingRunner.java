package io.sluice.batching;

import java.util.function.IntConsumer;

/// A runner that computes nothing: the token after position `p` is `p + 1` modulo the vocabulary. Fast, for tests of
/// threads; whether plans are right is the shadow runner's matter.
final class CountingRunner implements ModelRunner {
    private final ModelLimits limits;
    private final IntConsumer onStep;
    private final StepResult result;
    private final Thread owner = Thread.currentThread();
    private int steps;
    private boolean closed;

    /// A runner that calls `onStep` with the step's number before each step; what that throws, the step throws.
    CountingRunner(ModelLimits limits, IntConsumer onStep) {
        this.limits = limits;
        this.onStep = onStep;
        result = new StepResult(limits.sequencesMax());
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        if (closed || Thread.currentThread() != owner) throw new IllegalStateException("not the runner's thread");
        return () -> {
            onStep.accept(steps++);
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (!plan.samples(slice)) continue;
                int end = plan.firstPosition(slice) + plan.length(slice);
                result.set(slice, end % limits.vocabSize(), -1f);
                result.addTop(slice, end % limits.vocabSize(), -1f);
            }
            return result;
        };
    }

    @Override
    public void close() {
        if (Thread.currentThread() != owner) throw new IllegalStateException("not the runner's thread");
        closed = true;
    }
}

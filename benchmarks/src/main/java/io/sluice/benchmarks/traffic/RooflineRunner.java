package io.sluice.benchmarks.traffic;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;

/// A device that computes nothing: each step takes the virtual time that its cost model says, and each
/// request's output ends where its trace says. Hot path: no allocation. One thread.
final class RooflineRunner implements ModelRunner {
    private final ModelLimits limits;
    private final StepCost cost;
    private final VirtualTime time;
    private final StepLog log;
    private final StepResult result;
    private final Step step = new Step();

    /// @param log told which requests got a token
    RooflineRunner(DeviceModel device, VirtualTime time, StepLog log) {
        limits = device.limits();
        cost = new StepCost(device);
        this.time = time;
        this.log = log;
        result = new StepResult(limits.sequencesMax());
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        cost.begin();
        cost.copies(plan.copiesOutCount() + plan.copiesInCount(), limits.blockSize());
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            cost.slice(plan.firstPosition(slice), plan.length(slice), plan.samples(slice));
            if (plan.samples(slice)) sample(plan, slice);
        }
        return step;
    }

    private void sample(StepPlan plan, int slice) {
        int index = TrafficRequest.index(plan.sampling(slice));
        int length = plan.firstPosition(slice) + plan.length(slice);
        int output = length - plan.promptLength(slice);
        boolean ends = output == TrafficRequest.outputTokens(plan.sampling(slice));
        result.set(slice, ends ? TrafficRequest.END_TOKEN : Mix.token(~index, output, limits.vocabSize()), 0);
        log.add(index);
    }

    @Override
    public void close() {}

    private final class Step implements InFlightStep {
        @Override
        public StepResult await() {
            time.advance(cost.ns());
            return result;
        }
    }
}

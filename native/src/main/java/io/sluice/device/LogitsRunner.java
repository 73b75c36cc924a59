package io.sluice.device;

import io.sluice.batching.ModelRunner;
import io.sluice.batching.StepPlan;
import java.lang.foreign.MemorySegment;

/// A runner whose logits can be looked at, so that tests can compare graphs number by number.
interface LogitsRunner extends ModelRunner {

    /// Computes the plan as `launch` does, keys and values included, but samples nothing: writes the logits after every
    /// token of the plan.
    ///
    /// @param logits float32, [tokenCount, vocabSize]
    void computeLogits(StepPlan plan, MemorySegment logits);
}

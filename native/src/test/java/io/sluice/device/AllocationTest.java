package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.TokenConstraint;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The fast path makes no objects once it has seen a step's shape.
class AllocationTest {
    private static final int STEPS = 50;
    private static final int[] LENGTHS = {1, 5, 40};
    private static final int[] TOKENS = new int[40];
    private static final int[] BLOCKS = {2, 0, 1};
    private static final int[] NO_TOKENS = {};

    private static final TokenConstraint.Progress EVERY_OTHER = new TokenConstraint.Progress() {
        @Override
        public void fill(long[] mask) {
            Arrays.fill(mask, 0x5555_5555_5555_5555L);
        }

        @Override
        public boolean accept(int token) {
            return true;
        }

        @Override
        public void moveTo(TokenConstraint.Progress other) {}

        @Override
        public boolean isComplete() {
            return false;
        }

        @Override
        public boolean isOver() {
            return false;
        }
    };

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "REFERENCE")
    void aStepMakesNoObjectsInSteadyState(RunnerKind kind) {
        try (LogitsRunner runner = kind.openFree(new RandomModel(RandomModel.TINY, 11).files(), 16, 512)) {
            StepPlan plan = new StepPlan(runner.limits());
            for (int i = 0; i < 400; i++) steps(runner, plan, STEPS); // until compiled
            long before = threads.getThreadAllocatedBytes(Thread.currentThread().threadId());
            steps(runner, plan, STEPS);
            long after = threads.getThreadAllocatedBytes(Thread.currentThread().threadId());
            // A boxed number per product would be 50 steps of 13 products of 16 bytes.
            assertThat(after - before).isLessThan(STEPS * 16L);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "mixtral", "qwen2"})
    void noStepOfAnotherFamilyMakesObjectsEither(String architecture) {
        try (ModelFiles model =
                        ModelStore.open(ExpectedLogits.root("architectures").resolve(architecture));
                LogitsRunner runner = RunnerKind.FAST_BFLOAT16.openFree(RunnerKind.files(model), 16, 512)) {
            StepPlan plan = new StepPlan(runner.limits());
            for (int i = 0; i < 400; i++) steps(runner, plan, STEPS); // until compiled
            long before = threads.getThreadAllocatedBytes(Thread.currentThread().threadId());
            steps(runner, plan, STEPS);
            long after = threads.getThreadAllocatedBytes(Thread.currentThread().threadId());
            assertThat(after - before).isLessThan(STEPS * 16L);
        }
    }

    /// Steps of 1, 5 and 40 tokens in turn, the last sampled greedily.
    private static void steps(LogitsRunner runner, StepPlan plan, int count) {
        for (int step = 0; step < count; step++) {
            plan.clear();
            int length = LENGTHS[step % LENGTHS.length];
            plan.add(TOKENS, 0, length, BLOCKS, BLOCKS.length);
            plan.sample(SamplingParams.GREEDY, TOKENS, length, NO_TOKENS);
            if (step % 2 == 0) plan.constrain(EVERY_OTHER);
            runner.launch(plan).await();
        }
    }
}

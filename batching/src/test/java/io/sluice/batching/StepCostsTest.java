package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

/// What requests are charged is what they caused, and all of it together is what was spent.
class StepCostsTest {
    private static final long STEP_NS = 4_000_000;
    private static final long PROMPT_TOKEN_NS = 50_000;
    private static final long SEQUENCE_NS = 200_000;

    private long nowNs;
    private long spentNs;
    private final LinearDevice device = new LinearDevice();
    private final VirtualEngine engine =
            new VirtualEngine(new EngineSettings(64, true, 256), device, () -> nowNs, new Random(1));
    private final List<Timeline> timelines = new ArrayList<>();

    /// A step takes a constant, a part for each sequence that writes and a part for each prompt token.
    private final class LinearDevice implements ModelRunner {
        private final ModelLimits limits = new ModelLimits(4096, 16, 4096, 512, 16, 1000, 0);
        private final StepResult result = new StepResult(limits.sequencesMax());

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            int writing = plan.writingSlices();
            long ns = STEP_NS + writing * SEQUENCE_NS + (plan.tokenCount() - writing) * PROMPT_TOKEN_NS;
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (plan.samples(slice)) result.set(slice, 7, 0);
            }
            return () -> {
                nowNs += ns;
                spentNs += ns;
                return result;
            };
        }

        @Override
        public void close() {}
    }

    @Test
    void theTimeOfAllRequestsIsTheTimeOfAllSteps() {
        for (int i = 0; i < 12; i++)
            admit(request().prompt(100 * i, 30 + 40 * i).maxNewTokens(5 + i).choices(1 + i % 3));
        runToTheEnd();
        assertThat(sum(Timeline::deviceNs)).isEqualTo(spentNs);
        assertThat(engine.stats().work().deviceNs()).isEqualTo(spentNs);
        assertThat(engine.stats().work().unattributedNs()).isZero();
    }

    @Test
    void aLongPromptPaysForItselfAndNotItsNeighbours() {
        for (int i = 0; i < 8; i++) admit(request().prompt(50 * i, 40).maxNewTokens(200)); // the model of steps learns
        for (int i = 0; i < 60; i++) engine.turn();
        Timeline writer = admit(request().prompt(900, 4).maxNewTokens(100));
        for (int i = 0; i < 20; i++) engine.turn();
        long writerBeforeNs = writer.deviceNs();
        long steps = engine.stats().work().steps();
        Timeline reader = admit(request().prompt(0, 2000).maxNewTokens(1));
        while (reader.endedNs() == Timeline.NOT_YET) engine.turn();
        long passed = engine.stats().work().steps() - steps;
        // A tenth of each step's constant, and what it adds itself.
        double writersOwn = passed * (SEQUENCE_NS + STEP_NS / 10.0);
        assertThat(writer.deviceNs() - writerBeforeNs).isCloseTo((long) writersOwn, withinPercentage(25));
        assertThat(reader.deviceNs()).isGreaterThan(2000 * PROMPT_TOKEN_NS * 9 / 10);
    }

    @Test
    void aSharedBlockIsPaidOnceByAllWhoHoldIt() {
        admit(request().prompt(0, 160).maxNewTokens(1));
        runToTheEnd();
        timelines.clear();
        long wholeBefore = engine.stats().work().blockNs();
        Timeline one = admit(request().prompt(0, 160).maxNewTokens(50));
        Timeline two = admit(request().prompt(0, 160).maxNewTokens(50));
        runToTheEnd();
        long whole = engine.stats().work().blockNs() - wholeBefore;
        assertThat(one.cachedTokens()).isPositive();
        assertThat(one.blockNs() + two.blockNs()).isCloseTo(whole, within(whole / 100));
        assertThat(one.blockNs()).isCloseTo(two.blockNs(), withinPercentage(1));
    }

    private Timeline admit(RequestBuilder request) {
        return switch (engine.submit(request.build())) {
            case Admission.Admitted(var _, Timeline timeline) -> {
                timelines.add(timeline);
                yield timeline;
            }
            case Admission.Refused refused -> throw new AssertionError(refused);
        };
    }

    private void runToTheEnd() {
        engine.resume();
        int turns = 0;
        while (engine.turn()) assertThat(turns++).isLessThan(10_000);
    }

    private long sum(ToLongFunction<Timeline> part) {
        return timelines.stream().mapToLong(part).sum();
    }
}

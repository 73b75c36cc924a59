package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A device whose first steps take twenty times as long as they will, as on a machine where nothing is warm, in
/// virtual time: what they took is held against nobody for long.
class ColdStartTest {
    private static final long MS = 1_000_000;
    private static final int PROMPT = 34;
    private static final int OUTPUT = 60;

    private final Random random = new Random(6);
    private long nowNs = 1000 * MS;
    private long steps;
    private int coldSteps;

    private final class ColdDevice implements ModelRunner {
        private final ModelLimits limits = new ModelLimits(3000, 16, 2048, 512, 32, 100, 0);
        private final StepResult result = new StepResult(limits.sequencesMax());

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            double micros = 5000;
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                boolean writes = plan.length(slice) == 1 && plan.samples(slice);
                micros += writes ? 1500 : 400.0 * plan.length(slice);
                if (plan.samples(slice)) result.set(slice, 1, 0);
            }
            if (steps++ < coldSteps) micros = 20 * micros;
            long ns = (long) (micros * 1000 * Math.exp(0.15 * random.nextGaussian()));
            return () -> {
                nowNs += ns;
                return result;
            };
        }

        @Override
        public void close() {}
    }

    private VirtualEngine engine(int cold) {
        coldSteps = cold;
        var settings = new EngineSettings(256, false, 256, 2048, Long.MAX_VALUE);
        return new VirtualEngine(settings, new ColdDevice(), () -> nowNs, random);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8, 16})
    void anIdleEngineDoesNotGoOnRefusingWhatItCanDo(int cold) {
        var engine = engine(cold);
        int refused = 0;
        for (int i = 0; i < 40; i++) {
            var deadlines = new Deadlines(nowNs + 500 * MS, Deadlines.NONE.lastNs());
            if (offer(engine, deadlines, 1) == null) refused++;
            runDry(engine);
            nowNs += 1000 * MS;
        }
        assertThat(refused).isLessThan(8);
    }

    @Test
    void whatWouldTakeLessThanAnyStepEverDidIsNotTried() {
        var engine = engine(0);
        submit(engine, Deadlines.NONE, OUTPUT);
        runDry(engine);
        nowNs += 60_000 * MS;
        assertThat(offer(engine, new Deadlines(nowNs + 3 * MS, Deadlines.NONE.lastNs()), 1))
                .isNull();
        assertThat(offer(engine, Deadlines.last(nowNs + 100 * MS), OUTPUT)).isNull();
    }

    @Test
    void whatAnIdleEngineSaysOfItsFirstTokenIsNearTheTruth() {
        var engine = engine(0);
        for (int i = 0; i < 20; i++) {
            submit(engine, Deadlines.NONE, OUTPUT);
            runDry(engine);
        }
        Timeline timeline = submit(engine, Deadlines.NONE, OUTPUT);
        runDry(engine);
        long tookNs = timeline.firstTokenNs() - timeline.admittedNs();
        assertThat((double) timeline.forecast().firstTokenNs() / tookNs).isBetween(0.5, 2.0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4, 16, 64})
    void promptsGetOnHoweverTheStepsBeforeWere(int cold) {
        var engine = engine(cold);
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 30; i++) submit(engine, Deadlines.NONE, OUTPUT);
            long before = steps;
            runDry(engine);
            if (round < 3) continue;
            assertThat(steps - before).as("steps").isLessThan(3 * OUTPUT);
        }
    }

    private @Nullable Timeline offer(VirtualEngine engine, Deadlines deadlines, int output) {
        var request = new GenerationRequest(
                "a",
                random.ints(PROMPT, 0, 100).toArray(),
                output,
                1,
                SamplingParams.GREEDY,
                new int[] {0},
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                deadlines);
        return engine.submit(request) instanceof Admission.Admitted admitted ? admitted.timeline() : null;
    }

    private Timeline submit(VirtualEngine engine, Deadlines deadlines, int output) {
        Timeline timeline = offer(engine, deadlines, output);
        if (timeline == null) throw new AssertionError("refused");
        return timeline;
    }

    private static void runDry(VirtualEngine engine) {
        engine.resume();
        boolean worked = true;
        while (worked) worked = engine.turn();
    }
}

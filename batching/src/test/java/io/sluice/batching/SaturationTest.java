package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The signals for scaling on an engine that computes in virtual time.
class SaturationTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long STEP_NS = 20_000_000; // whatever is in it
    private static final int SEATS = 8;
    private static final int OUTPUT = 50; // so a request takes a second, and eight a second are all that can be done

    private static final TrafficClass QUICK =
            new TrafficClass("quick", 1, false, false, 0.9, 0.1, 60 * SECOND, 4 * SECOND, TrafficClass.NO_TARGET, 1000);

    private long nowNs;
    private final VirtualEngine engine =
            new VirtualEngine(new EngineSettings(1000, true, 256), new EvenDevice(), () -> nowNs, new Random(1));
    private final List<Timeline> admitted = new ArrayList<>();
    private long sentUpToNs;
    private int prompts;
    private int refused;

    /// Each step takes as long as the others.
    private final class EvenDevice implements ModelRunner {
        private final ModelLimits limits = new ModelLimits(4096, 16, 4096, 512, SEATS, 100_000, 0);
        private final StepResult result = new StepResult(limits.sequencesMax());

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (plan.samples(slice)) result.set(slice, 7, 0);
            }
            return () -> {
                nowNs += STEP_NS;
                return result;
            };
        }

        @Override
        public void close() {}
    }

    @Test
    void anIdleEngineIsNotSaturatedAndWantsNoReplica() {
        assertThat(engine.outlook().saturation()).isZero();
        assertThat(engine.outlook().replicas(0.7)).isZero();
        assertThat(engine.outlook().headroom()).isNaN();
    }

    @Test
    void oneClientAfterAnotherIsNoLoadAlthoughTheEngineIsNeverIdle() {
        for (int i = 0; i < 20; i++) {
            submit();
            while (engine.turn()) assertThat(engine.outlook().load()).isLessThanOrEqualTo(1.0 / SEATS + 0.02);
        }
    }

    @Test
    void halfOfWhatCanBeDoneIsAboutHalfALoad() {
        send(0.5 * SEATS, 30 * SECOND);
        assertThat(engine.outlook().load()).isBetween(0.3, 0.7);
        assertThat(engine.outlook().saturation()).isLessThan(1);
        assertThat(engine.outlook().headroom()).isBetween(0.2 * 400, 0.8 * 400); // 8 of 50 tokens a second
        assertThat(engine.outlook().replicas(0.7)).isLessThan(1.1);
    }

    @Test
    void onAStepLoadItCrossesOneBeforeAnybodyWaitsTooLongOrIsRefused() {
        send(0.5 * SEATS, 20 * SECOND);
        long stepNs = nowNs;
        long crossedNs = Long.MAX_VALUE;
        while (refused == 0 && nowNs < stepNs + 60 * SECOND) {
            send(2.0 * SEATS, SECOND / 4);
            if (engine.outlook().saturation() > 1) crossedNs = Math.min(crossedNs, nowNs);
        }
        assertThat(refused).as("the load was too much").isPositive();
        long firstBrokenNs = nowNs;
        for (Timeline one : admitted) {
            if (one.firstTokenNs() - one.admittedNs() > QUICK.firstTokenTargetNs()) {
                firstBrokenNs = Math.min(firstBrokenNs, one.firstTokenNs());
            }
        }
        assertThat(crossedNs).isGreaterThan(stepNs).isLessThan(firstBrokenNs - SECOND);
        assertThat(engine.outlook().replicas(0.7)).isGreaterThan(1.5);
    }

    @Test
    void itComesDownWhenTheLoadHasGone() {
        send(2.0 * SEATS, 20 * SECOND);
        assertThat(engine.outlook().saturation()).isGreaterThan(1);
        while (engine.turn()) {}
        engine.resume();
        nowNs += 60 * SECOND;
        assertThat(engine.outlook().saturation()).isLessThan(0.1);
        assertThat(engine.outlook().replicas(0.7)).isLessThan(0.1);
    }

    /// So many requests a second, evenly, for so long.
    private void send(double perSecond, long forNs) {
        long endNs = nowNs + forNs;
        long gapNs = (long) (SECOND / perSecond);
        sentUpToNs = Math.max(sentUpToNs, nowNs);
        engine.resume();
        while (nowNs < endNs) {
            while (sentUpToNs <= nowNs) {
                submit();
                sentUpToNs += gapNs;
            }
            if (!engine.turn()) nowNs = Math.min(endNs, sentUpToNs);
        }
    }

    private void submit() {
        GenerationRequest request = request()
                .id("r" + prompts)
                .prompt(10 * prompts++, 8)
                .maxNewTokens(OUTPUT)
                .in(QUICK)
                .build();
        switch (engine.submit(request)) {
            case Admission.Admitted(var streams, Timeline timeline) -> admitted.add(timeline);
            case Admission.Refused _ -> refused++;
        }
    }
}

package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// What admission says, against what then happens, on a device with two seats whose steps take ten milliseconds.
class AdmissionScenarioTest {
    private static final long MS = 1_000_000;
    private static final long STEP_NS = 10 * MS;
    private static final long HOUR_NS = 3_600_000 * MS;
    private static final int WAITING_MAX = 64;
    private static final TrafficClass HASTY =
            ClassTerms.named("hasty", 1).firstTokenTargetNs(2000 * MS).terms();
    private static final TrafficClass PATIENT = ClassTerms.named("patient", 1).terms();

    private long nowNs = 1000 * MS;
    private final SteadyDevice device = new SteadyDevice();
    private final VirtualEngine engine =
            new VirtualEngine(new EngineSettings(WAITING_MAX, false, 64), device, () -> nowNs, new Random(1));
    private long jumpNs; // in the next step
    private final List<Timeline> all = new ArrayList<>(); // that were admitted
    private int id;

    private final class SteadyDevice implements ModelRunner {
        private final ModelLimits limits = new ModelLimits(1024, 4, 1024, 64, 2, 1000, 0);
        private final StepResult result = new StepResult(limits.sequencesMax());

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            for (int slice = 0; slice < plan.sliceCount(); slice++) result.set(slice, 1, 0);
            return () -> {
                nowNs += STEP_NS + jumpNs;
                jumpNs = 0;
                return result;
            };
        }

        @Override
        public void close() {}
    }

    @Test
    void whoIsToldWhenToComeBackIsAdmittedThenAndNotBefore() {
        warmUp();
        fill();
        Admission.Refused refused = refusal(hasty()).orElseThrow();
        assertThat(refused.reason()).isEqualTo(Admission.Reason.NO_CAPACITY);
        long toldNs = nowNs + refused.retryAfter().toNanos();
        while (nowNs < toldNs) {
            Admission.Refused again = engine.wouldRefuse(hasty().build()).orElseThrow();
            assertThat(nowNs + again.retryAfter().toNanos()).isEqualTo(toldNs);
            assertThat(engine.turn()).isTrue();
        }
        assertThat(waiting()).as("what waits then").isPositive();
        Timeline timeline = admitted(hasty());
        runDry();
        assertThat(timeline.firstTokenNs() - timeline.admittedNs()).isLessThan(HASTY.firstTokenTargetNs());
    }

    @Test
    void whoIsAdmittedHasItsFirstTokenInTime() {
        warmUp();
        List<Timeline> admitted = fill();
        assertThat(admitted).hasSizeGreaterThan(10);
        runDry();
        for (Timeline timeline : admitted) {
            assertThat(timeline.firstTokenNs() - timeline.admittedNs())
                    .isLessThanOrEqualTo(HASTY.firstTokenTargetNs() + 2 * STEP_NS);
        }
    }

    @Test
    void aDeadlineThatCannotBeMetIsRefusedAtOnceAndCanBeMetWhenItIsSaidToBe() {
        warmUp();
        for (int i = 0; i < 20; i++) admitted(patient()); // ten turns of 200 ms
        Admission.Refused refused = engine.wouldRefuse(within(1000)).orElseThrow();
        assertThat(refused.reason()).isEqualTo(Admission.Reason.DEADLINE_TOO_SOON);
        long askedNs = nowNs;
        while (engine.wouldRefuse(within(1000)).isPresent())
            assertThat(engine.turn()).isTrue();
        long toldNs = refused.retryAfter().toNanos();
        assertThat(nowNs - askedNs).isBetween(toldNs * 3 / 4, toldNs * 5 / 4);
        Timeline timeline = admitted(within(1000));
        runDry();
        assertThat(timeline.endedNs() - timeline.admittedNs()).isLessThanOrEqualTo(1000 * MS);
    }

    @Test
    void aDeadlineThatNoEngineCouldMeetIsRefusedForGood() {
        warmUp();
        Admission.Refused refused = engine.wouldRefuse(within(100)).orElseThrow(); // twenty steps take 200 ms
        assertThat(refused.reason()).isEqualTo(Admission.Reason.DEADLINE_TOO_SOON);
        assertThat(refused.retryAfter()).isZero();
    }

    @Test
    void aClockThatJumpsLetsNobodyInBeyondWhatCanBeServed() {
        for (long hours : new long[] {1, -1}) {
            for (boolean inAStep : new boolean[] {true, false}) {
                warmUp();
                List<Timeline> before = fill();
                long waiting = waiting();
                if (inAStep) jumpNs = hours * HOUR_NS;
                else nowNs += hours * HOUR_NS;
                assertThat(engine.turn()).isTrue();
                List<Timeline> after = fill();
                // Half as many again are welcome when they come as told.
                assertThat(waiting()).as("%d hours", hours).isLessThanOrEqualTo(waiting * 3 / 2 + 2);
                runDry();
                for (Timeline timeline : before) assertThat(timeline.endedNs()).isNotEqualTo(Timeline.NOT_YET);
                for (Timeline timeline : after) {
                    assertThat(timeline.firstTokenNs() - timeline.admittedNs())
                            .as("%d hours", hours)
                            .isLessThan(HASTY.firstTokenTargetNs() * 2);
                }
                assertThat(engine.wouldRefuse(hasty().build())).as("idle again").isEmpty();
            }
        }
    }

    /// A few requests, so that it is known what steps take.
    private void warmUp() {
        for (int i = 0; i < 40; i++) admitted(patient());
        runDry();
    }

    /// Submits until one is refused.
    private List<Timeline> fill() {
        List<Timeline> admitted = new ArrayList<>();
        while (engine.wouldRefuse(hasty().build()).isEmpty()) admitted.add(admitted(hasty()));
        assertThat(refusal(hasty())).isPresent();
        return admitted;
    }

    private void runDry() {
        engine.resume();
        while (engine.turn()) assertThat(engine.stats().blocks().leaked()).isZero();
    }

    private long waiting() {
        return all.stream()
                .filter(timeline -> timeline.startedNs() == Timeline.NOT_YET)
                .count();
    }

    private Timeline admitted(RequestBuilder request) {
        return admitted(request.build());
    }

    private Timeline admitted(GenerationRequest request) {
        return switch (engine.submit(request)) {
            case Admission.Admitted(var _, var timeline) -> {
                all.add(timeline);
                yield timeline;
            }
            case Admission.Refused refused -> throw new AssertionError(refused);
        };
    }

    private Optional<Admission.Refused> refusal(RequestBuilder request) {
        return switch (engine.submit(request.build())) {
            case Admission.Admitted _ -> Optional.empty();
            case Admission.Refused refused -> Optional.of(refused);
        };
    }

    /// Twenty steps of one seat.
    private RequestBuilder hasty() {
        return request().id("r" + id++).in(HASTY).promptLength(8).maxNewTokens(20);
    }

    private RequestBuilder patient() {
        return hasty().in(PATIENT);
    }

    private GenerationRequest within(long ms) {
        return patient().deadlines(Deadlines.last(nowNs + ms * MS)).build();
    }
}

package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.Admission;
import io.sluice.batching.Attempt;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

class RetryAfterTest {
    private static final long SECOND = 1_000_000_000L;

    /// Would admit anybody from a known moment on; takes nothing.
    private static final class Gate implements SimulatedEngine {
        private boolean isOpen;

        @Override
        public Answer submit(TrafficRequest request, Attempt attempt) {
            throw new AssertionError("the check must not submit");
        }

        @Override
        public boolean turn(StepLog log) {
            throw new AssertionError("the check must not compute");
        }

        @Override
        public void resume() {
            throw new AssertionError("the check must not resume");
        }

        @Override
        public BooleanSupplier probe(TrafficRequest request) {
            return () -> isOpen;
        }

        @Override
        public State state() {
            throw new AssertionError("the check needs no state");
        }
    }

    @Test
    void whatWasSaidIsComparedWithTheFirstMomentAtWhichTheAnswerWouldHaveBeenYes() {
        var engine = new Gate();
        var check = new RetryAfterCheck(new VirtualTime(), 1, 1);
        check.refused(10 * SECOND, request(0), refusal(4), engine);
        check.refused(11 * SECOND, request(1), refusal(4), engine);
        check.ask(12 * SECOND);
        assertThat(check.told()).isEmpty();
        engine.isOpen = true;
        check.ask(15 * SECOND);
        check.ask(16 * SECOND); // they have their answer
        assertThat(check.told())
                .containsExactly(
                        new RetryAfterCheck.Told(4 * SECOND, 5 * SECOND),
                        new RetryAfterCheck.Told(4 * SECOND, 4 * SECOND));
    }

    @Test
    void theEngineIsAskedAtTheVeryMomentThatItTold() {
        var engine = new Gate();
        var time = new VirtualTime();
        var check = new RetryAfterCheck(time, 1, 1);
        check.refused(0, request(0), refusal(4), engine);
        time.advance(3 * SECOND);
        engine.isOpen = true;
        time.advance(7 * SECOND); // a long step
        check.ask(10 * SECOND);
        assertThat(check.told()).containsExactly(new RetryAfterCheck.Told(4 * SECOND, 4 * SECOND));
    }

    @Test
    void whoWasToldNothingIsNotFollowed() {
        var engine = new Gate();
        engine.isOpen = true;
        var check = new RetryAfterCheck(new VirtualTime(), 1, 1);
        check.refused(0, request(0), refusal(0), engine);
        check.ask(SECOND);
        assertThat(check.told()).isEmpty();
    }

    @Test
    void overstatingIsMisjudgedLikeUnderstating() {
        var told = List.of(new RetryAfterCheck.Told(4, 1), new RetryAfterCheck.Told(1, 4));
        Workload workload = Workload.of(SmallTraces.random(1, 2, 1, 1), 1, 100);
        var result = new ReplayResult(
                workload,
                new Policy.Sluice(),
                List.of(),
                new Occupancy.Mean(0, 0, 0),
                told,
                new SimulatedEngine.State(0, 1, 0, 0, 1, 0, 0, 0),
                0,
                1);
        Summary summary = Summary.of(result);
        assertThat(summary.saidOverTrue().at(95)).isEqualTo(4);
        assertThat(summary.saidOverTrue().at(5)).isEqualTo(0.25);
        assertThat(summary.misjudged().at(5)).isEqualTo(4);
        assertThat(summary.misjudgedInSeconds().at(95)).isEqualTo(1e9); // a second for one nanosecond
    }

    @Test
    void obedientClientsComeBackWhenToldAndTheirTimesCountFromTheFirstAttempt() {
        Setup setup = new Setup("none", 1, SmallTraces.device(2, 64));
        Workload workload = setup.workload(SmallTraces.random(5, 3000, 60, 20), 30_000);
        Summary lost = setup.measure(workload, new Policy.Sluice()).summary();
        Summary obeyed = setup.measure(workload, new Policy.Sluice(), 64, Clients.OBEY_RETRY_AFTER)
                .summary();
        assertThat(lost.all().refused()).isPositive();
        assertThat(obeyed.all().served()).isGreaterThan(lost.all().served());
        Outcome.Served patient = obeyed.result().outcomes().stream()
                .filter(Outcome.Served.class::isInstance)
                .map(Outcome.Served.class::cast)
                .filter(it -> it.attempts() > 1)
                .findFirst()
                .orElseThrow();
        assertThat(patient.timing().firstTokenNs()).isGreaterThan(SECOND); // the least that anybody is told
    }

    private static TrafficRequest request(int index) {
        return Workload.of(SmallTraces.random(1, 2, 1, 1), 1, 100).requests().get(index);
    }

    private static Admission.Refused refusal(int seconds) {
        return new Admission.Refused(Admission.Reason.QUEUE_FULL, "full", Duration.ofSeconds(seconds));
    }
}

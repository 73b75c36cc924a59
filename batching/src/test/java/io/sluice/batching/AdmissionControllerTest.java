package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.Admission.Reason;
import io.sluice.batching.Admission.Refused;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AdmissionControllerTest {
    private static final long MS = 1_000_000L;
    private static final int WAITING_MAX = 20;
    private static final TrafficClass HASTY =
            new TrafficClass("hasty", 1, false, false, 0.9, 0, 1000 * MS, 500 * MS, TrafficClass.NO_TARGET, 10);

    private long nowNs;
    private final ModelLimits limits = new ModelLimits(8, 4, 64, 16, 4, 100, 0);
    private final Accounts accounts = new Accounts(limits.blockCount(), 100);
    private final WaitForecast forecast = new WaitForecast(limits, accounts);
    private final AdmissionController admission = new AdmissionController(limits, WAITING_MAX, accounts, forecast);

    @Test
    void aRequestLongerThanTheContextNeverFits() {
        assertThat(refused(request(60, 5)).reason()).isEqualTo(Reason.NEVER_FITS);
        assertThat(refused(request(60, 5)).retryAfter()).isZero();
    }

    @Test
    void aRequestLargerThanTheWholeCacheNeverFits() {
        assertThat(refused(request(20, 13)).detail()).contains("20 prompt", "13 output", "32 tokens");
        assertThat(admission.openCount()).isZero();
    }

    @Test
    void aRequestLargerThanItsTenantsPartOfTheCacheNeverFits() {
        var caller = new Caller(new Tenant("small", 1, 0, 0.5), TrafficClass.STANDARD);
        assertThat(refused(request(caller, 10, 7, Deadlines.NONE)).detail()).contains("small", "16 tokens");
        admitted(request(caller, 10, 6, Deadlines.NONE));
    }

    @Test
    void aPassedDeadlineIsRefused() {
        var request = request(Caller.ANONYMOUS, 1, 1, Deadlines.last(5));
        assertThat(admission
                        .wouldRefuse(request, Attempt.FIRST, 5)
                        .orElseThrow()
                        .reason())
                .isEqualTo(Reason.DEADLINE_PASSED);
        assertThat(admission.wouldRefuse(request, Attempt.FIRST, 4)).isEmpty();
    }

    @Test
    void aDeadlineThatCannotBeMetIsRefusedWithTheTimeAfterWhichItCould() {
        load(0, 0);
        admitted(request(
                20, 10)); // 1.5 s of work ahead; its own turn takes 0.55 s, and its prompt a second and half a step
        var refused = refused(request(Caller.ANONYMOUS, 10, 1, Deadlines.last(2000 * MS)));
        assertThat(refused.reason()).isEqualTo(Reason.DEADLINE_TOO_SOON);
        assertThat(refused.retryAfter()).isEqualTo(Duration.ofMillis(1125));
    }

    @Test
    void aWaitBeyondAllMeasureIsNotTakenForNone() {
        forecast.publish(new WaitForecast.Load(1e17, 1e17, 1e17, 1e17, 1, 0, 0, MS), false, 0);
        var patient =
                new Caller(Tenant.ANONYMOUS, ClassTerms.named("patient", 1).terms());
        for (int i = 0; i < 3; i++) admitted(request(patient, 20, 10, Deadlines.NONE));
        assertThat(refused(request(patient, 20, 10, Deadlines.last(Long.MAX_VALUE / 8)))
                        .reason())
                .isEqualTo(Reason.DEADLINE_TOO_SOON);
    }

    @Test
    void aDeadlineThatIsTooSoonEvenForAnIdleEngineIsNoMatterOfWaiting() {
        load(4, 8);
        var refused = refused(request(Caller.ANONYMOUS, 10, 1, Deadlines.last(500 * MS)));
        assertThat(refused.reason()).isEqualTo(Reason.DEADLINE_TOO_SOON);
        assertThat(refused.retryAfter()).isZero();
    }

    @Test
    void theQueueOfAClassHasItsOwnBound() {
        for (int i = 0; i < 10; i++) admitted(request(new Caller(Tenant.ANONYMOUS, HASTY), 1, 1, Deadlines.NONE));
        assertThat(refused(request(new Caller(Tenant.ANONYMOUS, HASTY), 1, 1, Deadlines.NONE))
                        .detail())
                .contains("10 requests of class hasty");
        admitted(request(1, 1));
    }

    @Test
    void aFullQueueOpensAgainWhenItIsClearlyShorter() {
        List<Submission> queue = new ArrayList<>();
        for (int i = 0; i < WAITING_MAX; i++)
            queue.add(admitted(request(standard("tenant" + i), 1, 1, Deadlines.NONE)));
        assertThat(refused(request(1, 1)).reason()).isEqualTo(Reason.QUEUE_FULL);
        for (int i = 0; i < 3; i++) admission.start(queue.get(i), nowNs);
        assertThat(refused(request(1, 1)).reason()).isEqualTo(Reason.QUEUE_FULL);
        admission.start(queue.get(3), nowNs);
        admitted(request(1, 1));
    }

    @Test
    void howeverManyOneTenantSendsThereArePlacesForOthers() {
        List<Submission> queue = new ArrayList<>();
        for (int i = 0; i < 16; i++) queue.add(admitted(request(standard("flood"), 1, 1, Deadlines.NONE)));
        Refused refused = refused(request(standard("flood"), 1, 1, Deadlines.NONE));
        assertThat(refused.reason()).isEqualTo(Reason.QUEUE_FULL);
        assertThat(refused.detail()).contains("16 requests of tenant flood");
        admitted(request(standard("modest"), 1, 1, Deadlines.NONE));
        admission.start(queue.get(0), nowNs);
        admitted(request(standard("flood"), 1, 1, Deadlines.NONE));
        for (int i = 0; i < 3; i++) admitted(request(standard("late" + i), 1, 1, Deadlines.NONE));
        assertThat(AdmissionController.waitingMaxOfOne(WAITING_MAX)).isEqualTo(16);
        assertThat(AdmissionController.waitingMaxOfOne(1)).isEqualTo(1);
    }

    @Test
    void whoWasToStartAtOnceTeachesNothingOfWaits() {
        var bias = new ForecastBias();
        // A machine that is busy with other things: a step takes fifty times what it does alone.
        for (int i = 0; i < 1000; i++) bias.learn(0, 50 * MS, MS);
        assertThat(bias.correct(1000 * MS, MS)).isEqualTo(1000 * MS);
        for (int i = 0; i < 1000; i++) bias.learn(100 * MS, 300 * MS, MS);
        assertThat(bias.correct(1000 * MS, MS)).isBetween(2500 * MS, 3500 * MS);
    }

    @Test
    void whatCanBeParkedIsInNobodysWay() {
        load(0, 0);
        Flow people = accounts.open(new Caller(Tenant.ANONYMOUS, HASTY), 0);
        ClassQueue batch = accounts.open(new Caller(Tenant.ANONYMOUS, TrafficClass.BATCH), 0)
                .classQueue();
        Demand demand = forecast.demandOf(request(4, 4), people);
        assertThat(forecast.waitNs(people, demand, 0)).isPositive();
        batch.setToGive(1, 2);
        assertThat(forecast.waitNs(people, demand, 0)).isZero();
        batch.setToGive(1, 1);
        assertThat(forecast.waitNs(people, demand, 0)).isPositive();
        batch.setToGive(0, 2);
        assertThat(forecast.waitNs(people, demand, 0)).isPositive();
    }

    @Test
    void aClosedGateStaysClosedUntilTheMomentThatItTold() {
        load(0, 0);
        var caller = new Caller(Tenant.ANONYMOUS, HASTY);
        List<Submission> queue = new ArrayList<>();
        // 100 ms each, and nothing can start: the sixth would wait for more than the class allows.
        while (admission
                .wouldRefuse(request(caller, 1, 1, Deadlines.NONE), Attempt.FIRST, nowNs)
                .isEmpty()) {
            queue.add(admitted(request(caller, 1, 1, Deadlines.NONE)));
        }
        Refused refused = refused(request(caller, 1, 1, Deadlines.NONE));
        assertThat(refused.reason()).isEqualTo(Reason.NO_CAPACITY);
        assertThat(refused.detail()).contains("hasty", "0.5 s");
        long untilOpenNs = refused.retryAfter().toNanos();
        assertThat(untilOpenNs).isPositive();
        // Half of the queue has gone, sooner than was expected: it was said otherwise.
        for (int i = 0; i < queue.size() / 2 + 1; i++) admission.start(queue.get(i), nowNs);
        nowNs = untilOpenNs / 3;
        assertThat(refused(request(caller, 1, 1, Deadlines.NONE)).retryAfter())
                .isEqualTo(Duration.ofNanos(untilOpenNs - nowNs));
        nowNs = untilOpenNs;
        admitted(request(caller, 1, 1, Deadlines.NONE));
    }

    @Test
    void whoComesFirstAtTheMomentThatWasToldIsTakenHoweverLongTheQueueIs() {
        load(0, 0);
        var caller = new Caller(Tenant.ANONYMOUS, HASTY);
        while (admission
                .wouldRefuse(request(caller, 1, 1, Deadlines.NONE), Attempt.FIRST, nowNs)
                .isEmpty()) {
            admitted(request(caller, 1, 1, Deadlines.NONE));
        }
        nowNs = refused(request(caller, 1, 1, Deadlines.NONE)).retryAfter().toNanos();
        admitted(request(caller, 1, 1, Deadlines.NONE)); // nothing has started
        assertThat(refused(request(caller, 1, 1, Deadlines.NONE)).reason()).isEqualTo(Reason.NO_CAPACITY);
    }

    @Test
    void aPromiseThatNobodyTakesUpIsForgotten() {
        load(0, 0);
        var caller = new Caller(Tenant.ANONYMOUS, HASTY);
        while (admission
                .wouldRefuse(request(caller, 1, 1, Deadlines.NONE), Attempt.FIRST, nowNs)
                .isEmpty()) {
            admitted(request(caller, 1, 1, Deadlines.NONE));
        }
        long toldNs =
                refused(request(caller, 1, 1, Deadlines.NONE)).retryAfter().toNanos();
        nowNs = toldNs + toldNs / 2 + 1;
        assertThat(refused(request(caller, 1, 1, Deadlines.NONE)).reason()).isEqualTo(Reason.NO_CAPACITY);
    }

    @Test
    void anIdleEngineOpensItsGatesWhateverWasTold() {
        load(0, 0);
        var caller = new Caller(Tenant.ANONYMOUS, HASTY);
        var first = new Caller(new Tenant("first", 1, 0, 1), TrafficClass.GUARANTEED);
        List<Submission> ahead = new ArrayList<>();
        for (int i = 0; i < 4; i++) ahead.add(admitted(request(first, 20, 10, Deadlines.NONE))); // 1.5 s each
        assertThat(refused(request(caller, 1, 1, Deadlines.NONE)).retryAfter()).isGreaterThan(Duration.ofSeconds(4));
        for (Submission submission : ahead) admission.start(submission, nowNs);
        load(4, 8);
        nowNs = 1;
        assertThat(admission.wouldRefuse(request(caller, 1, 1, Deadlines.NONE), Attempt.FIRST, nowNs))
                .isEmpty();
    }

    @Test
    void anotherTenantIsNotRefusedForWhatOneHasWaiting() {
        load(0, 0);
        var greedy = new Caller(new Tenant("greedy", 1, 0, 1), HASTY);
        while (admission
                .wouldRefuse(request(greedy, 1, 1, Deadlines.NONE), Attempt.FIRST, nowNs)
                .isEmpty()) {
            admitted(request(greedy, 1, 1, Deadlines.NONE));
        }
        admitted(request(new Caller(new Tenant("modest", 1, 0, 1), HASTY), 1, 1, Deadlines.NONE));
    }

    @Test
    void aRequestGivesItsPlaceBackExactlyOnce() {
        Submission submission = admitted(request(1, 1));
        assertThat(admission.waitingCount()).isEqualTo(1);
        admission.start(submission, nowNs);
        assertThat(admission.waitingCount()).isZero();
        assertThat(admission.openCount()).isEqualTo(1);
        admission.settle(submission);
        assertThat(admission.openCount()).isZero();
        assertThatThrownBy(() -> admission.settle(submission)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void aRequestThatThereIsNoMemoryForLeavesNoTrace() {
        GenerationRequest request = RequestBuilder.request()
                .constraint(() -> {
                    throw new OutOfMemoryError("injected by the test");
                })
                .build();
        assertThatThrownBy(() -> admission.admit(request, Attempt.FIRST, nowNs, () -> {}))
                .isInstanceOf(OutOfMemoryError.class);
        assertThat(admission.openCount()).isZero(); // or the engine's end would wait for it for ever
        assertThat(admission.waitingCount()).isZero();
        Flow flow = accounts.open(request.caller(), nowNs);
        accounts.close(flow);
        assertThat(flow.isOpen()).isFalse();
        assertThat(flow.backlog().requests()).isZero();
    }

    @Test
    void whatEndsInTheQueueLeavesTheQueue() {
        admission.settle(admitted(request(1, 1)));
        assertThat(admission.waitingCount()).isZero();
        assertThat(admission.openCount()).isZero();
    }

    @Test
    void drainingAndStoppingRefuse() {
        admission.startDraining();
        assertThat(refused(request(1, 1)).reason()).isEqualTo(Reason.DRAINING);
        admission.stop();
        assertThat(refused(request(1, 1)).reason()).isEqualTo(Reason.STOPPED);
        assertThat(admission.openCount()).isZero();
    }

    /// An engine that has so much free. A prompt token and an output token take 50 and 50 ms of its time,
    /// and a prompt of ten tokens a second on its way.
    private void load(int freeSeats, int freeBlocks) {
        forecast.publish(
                new WaitForecast.Load(50 * MS, 50 * MS, 100 * MS, 50 * MS, 1, freeSeats, freeBlocks, 100 * MS),
                false,
                0);
    }

    private Submission admitted(GenerationRequest request) {
        return switch (admission.admit(request, Attempt.FIRST, nowNs, () -> {})) {
            case AdmissionController.Verdict.Taken(var submission) -> submission;
            case AdmissionController.Verdict.NotTaken(var refused) -> throw new AssertionError(refused);
        };
    }

    private Refused refused(GenerationRequest request) {
        return switch (admission.admit(request, Attempt.FIRST, nowNs, () -> {})) {
            case AdmissionController.Verdict.Taken _ -> throw new AssertionError("admitted: " + request);
            case AdmissionController.Verdict.NotTaken(var refused) -> refused;
        };
    }

    private static Caller standard(String tenant) {
        return new Caller(new Tenant(tenant, 1, 0, 1), TrafficClass.STANDARD);
    }

    private static GenerationRequest request(int promptLength, int maxNewTokens) {
        return request(Caller.ANONYMOUS, promptLength, maxNewTokens, Deadlines.NONE);
    }

    private static GenerationRequest request(Caller caller, int promptLength, int maxNewTokens, Deadlines deadlines) {
        return new GenerationRequest(
                "a",
                new int[promptLength],
                maxNewTokens,
                1,
                SamplingParams.GREEDY,
                new int[0],
                caller,
                PrefixScope.of(0),
                deadlines);
    }
}

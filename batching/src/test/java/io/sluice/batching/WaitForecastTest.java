package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

/// A prompt token takes 1 ms of the engine and gets on in 2 ms; an output token takes 10 ms of the engine and a
/// sequence writes one each 40 ms. A second of work is a request of 100 prompt tokens and 90 output tokens.
class WaitForecastTest {
    private static final long MS = 1_000_000;
    private static final long SECOND = 1000 * MS;
    private static final int STEP_PROMPT_TOKENS = 50;
    private static final int MANY = 1000;
    private static final TrafficClass HIGH = ClassTerms.named("high", 0).terms();
    private static final TrafficClass MIDDLE =
            ClassTerms.named("middle", 1).floor(0.1).terms();
    private static final TrafficClass LOW =
            ClassTerms.named("low", 2).floor(0.2).terms();

    private final Accounts accounts = new Accounts(100, 100);
    private final WaitForecast forecast = new WaitForecast(new ModelLimits(MANY, 4, 4096, 512, 64, 100, 0), accounts);
    private long nowNs;

    @Test
    void beforeTheFirstStepEverythingIsQuick() {
        Flow flow = waits(second("a", MIDDLE), 50);
        assertThat(forecast.waitNs(flow, demand(second("a", MIDDLE), flow), 0)).isZero();
        assertThat(forecast.prefillNs(second("a", MIDDLE).build(), flow, nowNs)).isZero();
    }

    @Test
    void whatHasNothingBeforeItAndASeatDoesNotWait() {
        free(1, MANY);
        assertThat(waitNs(second("a", MIDDLE))).isZero();
    }

    @Test
    void whatHasNothingBeforeItButNoSeatWaitsForItsOwnPartOfTheEngine() {
        free(0, MANY);
        assertThat(waitNs(second("a", MIDDLE))).isEqualTo(SECOND);
    }

    @Test
    void noMemoryIsAsBadAsNoSeat() {
        free(MANY, 0);
        assertThat(waitNs(second("a", MIDDLE))).isEqualTo(SECOND);
        int blocks = (int) demand(second("a", MIDDLE)).blocks();
        free(MANY, blocks);
        assertThat(waitNs(second("a", MIDDLE))).isZero();
    }

    @Test
    void aRequestWaitsForWhatItsTenantHasWaitingAlready() {
        free(0, MANY);
        waits(second("a", MIDDLE), 4);
        assertThat(waitNs(second("a", MIDDLE))).isEqualTo(5 * SECOND);
    }

    @Test
    void whatThereAreSeatsForWaitsOnlyForThePromptsBeforeIt() {
        free(MANY, MANY);
        waits(second("a", MIDDLE), 4);
        assertThat(waitNs(second("a", MIDDLE))).isEqualTo(4 * 200 * MS);
    }

    @Test
    void aClassWaitsForAllOfAHigherOneAndForNothingOfALowerOne() {
        free(0, MANY);
        TrafficClass high = ClassTerms.named("high", 0).terms();
        TrafficClass low = ClassTerms.named("low", 2).terms();
        waits(second("a", high), 2);
        waits(second("b", low), 7);
        // Nothing was admitted lately: the higher class is expected to ask for nothing more.
        nowNs = 3600 * SECOND;
        assertThat(waitNs(second("c", MIDDLE))).isCloseTo(3 * SECOND, Percentage.withPercentage(1));
        assertThat(waitNs(second("c", low))).isGreaterThan(3 * SECOND);
    }

    @Test
    void whatIsAdmittedOfAHigherClassMakesALowerOneSlower() {
        free(0, MANY);
        double before = waitNs(second("c", MIDDLE));
        Flow high = flow(second("a", HIGH));
        high.classQueue().arrivals().add(5 * SECOND / 2, 0); // half of what the engine can do
        assertThat((double) waitNs(second("c", MIDDLE))).isCloseTo(2 * before, Percentage.withPercentage(1));
        high.classQueue().arrivals().add(50 * SECOND, 0); // far more than it can do: the floor is left
        assertThat((double) waitNs(second("c", MIDDLE))).isCloseTo(10 * before, Percentage.withPercentage(1));
    }

    @Test
    void aLowerClassWithSomethingWaitingTakesItsFloor() {
        free(0, MANY);
        double before = waitNs(second("c", MIDDLE));
        Flow low = waits(second("b", LOW), 1);
        assertThat((double) waitNs(second("c", MIDDLE))).isCloseTo(before / 0.8, Percentage.withPercentage(1));
        low.removeWaiting(demand(second("b", LOW)));
        assertThat((double) waitNs(second("c", MIDDLE))).isEqualTo(before);
    }

    @Test
    void ofAnotherTenantAsMuchGoesFirstAsItIsBehind() {
        free(0, MANY);
        waits(second("greedy", MIDDLE), 20);
        // One of the other's goes first; the rest comes in turns with what this one may send later.
        assertThat(waitNs(second("modest", MIDDLE))).isCloseTo(2 * SECOND, Percentage.withPercentage(1));
        waits(second("modest", MIDDLE), 4);
        assertThat(waitNs(second("modest", MIDDLE))).isCloseTo(10 * SECOND, Percentage.withPercentage(1));
    }

    @Test
    void aTenantOfGreaterWeightHasMoreBeforeOthers() {
        free(0, MANY);
        RequestBuilder heavy = second("heavy", MIDDLE).of(new Tenant("heavy", 3, 0, 1));
        waits(heavy, 20);
        waits(second("light", MIDDLE), 2);
        // Its own two, itself, and three of the other's for each of the two, and one more.
        assertThat(waitNs(second("light", MIDDLE))).isCloseTo(10 * SECOND, Percentage.withPercentage(1));
    }

    @Test
    void aTenantThatHadMoreThanItsPartWaitsForTheOthers() {
        free(0, MANY);
        Flow greedy = flow(second("greedy", MIDDLE));
        waits(second("modest", MIDDLE), 5);
        greedy.setVirtualTime(1e9);
        assertThat(waitNs(second("greedy", MIDDLE))).isCloseTo(6 * SECOND, Percentage.withPercentage(1));
    }

    @Test
    void aRequestOfManyChoicesTakesAsManySeats() {
        free(2, MANY);
        Demand demand = demand(second("a", MIDDLE).choices(3));
        assertThat(demand.seats()).isEqualTo(3);
        assertThat(demand.ns()).isEqualTo(100 * MS + 3 * 900 * MS);
        assertThat(demand.promptTokens()).isEqualTo(100);
        assertThat(demand.weightedTokens()).isEqualTo(100 + 2 * 270);
        assertThat(demand.blocks()).isEqualTo(3 * 48);
    }

    @Test
    void anOutputIsExpectedToBeAsLongAsItsTenantsWere() {
        free(0, MANY);
        Flow flow = flow(second("a", MIDDLE));
        assertThat(demand(second("a", MIDDLE)).ns()).isEqualTo(SECOND);
        for (int i = 0; i < 100; i++) flow.classQueue().outputs().add(50);
        assertThat(demand(second("a", MIDDLE)).ns()).isEqualTo(600 * MS);
        for (int i = 0; i < 100; i++) flow.outputs().add(7);
        assertThat(demand(second("a", MIDDLE)).ns()).isEqualTo(170 * MS);
        assertThat(demand(second("a", MIDDLE).maxNewTokens(2)).ns()).isEqualTo(120 * MS);
        assertThat(demand(second("a", MIDDLE)).blocks()).isEqualTo(27); // 107 tokens
        assertThat(demand(second("a", ClassTerms.named("middle", 1).guaranteed().terms()))
                        .blocks())
                .isEqualTo(48);
    }

    @Test
    void aPromptTakesAsManyStepsAsItNeedsBehindWhatIsBeingComputed() {
        free(MANY, MANY);
        Flow flow = flow(second("a", MIDDLE));
        // Two steps of 100 ms, and half of the step under way.
        assertThat(forecast.prefillNs(second("a", MIDDLE).build(), flow, nowNs)).isEqualTo(220 * MS);
        computes(second("b", HIGH).promptLength(131));
        computes(second("c", LOW).promptLength(1001));
        // One step more: the rest of what is being computed is part of the wait.
        assertThat(forecast.prefillNs(second("a", MIDDLE).build(), flow, nowNs)).isEqualTo(320 * MS);
        assertThat(forecast.decodeNs(second("a", MIDDLE).build(), flow)).isEqualTo(90 * 40 * MS);
    }

    @Test
    void whoHasHadLessGoesBeforePromptsOfItsClassThatAreBeingComputed() {
        free(MANY, MANY);
        TrafficClass patient =
                ClassTerms.named("patient", 1).firstTokenTargetNs(SECOND * 1000).terms();
        flow(second("had", patient)).charge(1);
        computes(second("had", patient).promptLength(10_001));
        assertThat(waitNs(second("had", patient))).isGreaterThan(19 * SECOND);
        assertThat(waitNs(second("had not", patient))).isZero();
        flow(second("had too", patient)).charge(1);
        assertThat(waitNs(second("had too", patient))).isGreaterThan(19 * SECOND);
    }

    @Test
    void whoIsAheadIsOfItsClassOrOfAHigherOne() {
        waits(second("a", HIGH), 2);
        waits(second("b", MIDDLE), 3);
        waits(second("c", LOW), 5);
        assertThat(forecast.requestsAhead(flow(second("x", HIGH)))).isEqualTo(2);
        assertThat(forecast.requestsAhead(flow(second("x", MIDDLE)))).isEqualTo(5);
        assertThat(forecast.requestsAhead(flow(second("x", LOW)))).isEqualTo(10);
        assertThat(forecast.nothingWaits()).isFalse();
    }

    @Test
    void aWaitIsCorrectedByHowLongOthersHaveWaited() {
        free(0, MANY);
        Flow flow = flow(second("a", MIDDLE));
        for (int i = 0; i < 1000; i++) flow.classQueue().bias().learn(SECOND, 3600 * SECOND, 40 * MS);
        assertThat(forecast.corrected(0, flow)).isZero(); // what starts at once starts at once
        assertThat(forecast.corrected(SECOND, flow)).isBetween(15 * SECOND, 17 * SECOND);
    }

    @Test
    void whatWasSaidBeforeAnythingWasMeasuredTeachesNothing() {
        Flow flow = flow(second("a", MIDDLE));
        for (int i = 0; i < 100; i++) learn(flow, 3600 * SECOND);
        free(0, MANY);
        assertThat(forecast.corrected(SECOND, flow)).isEqualTo(SECOND);
        learn(flow, 3600 * SECOND);
        assertThat(forecast.corrected(SECOND, flow)).isGreaterThan(SECOND);
    }

    /// A request that was expected to wait for a second has waited for so long.
    private void learn(Flow flow, long waitedNs) {
        GenerationRequest request = second("a", MIDDLE).build();
        var expected = new Timeline.Forecast(SECOND, SECOND, 0, 0, 0);
        Demand demand = forecast.demandOf(request, flow);
        forecast.learn(new Submission(request, flow, expected, demand, nowNs, () -> {}), nowNs + waitedNs);
    }

    @Test
    void moreBeforeARequestNeverMakesItsWaitShorter() {
        free(2, 100);
        long before = 0;
        for (int i = 0; i < 50; i++) {
            waits(second("t" + i % 3, i % 2 == 0 ? HIGH : MIDDLE), 1);
            nowNs += 3600 * SECOND; // what was admitted is no sign of what will be
            long wait = waitNs(second("x", LOW));
            assertThat(wait).isGreaterThanOrEqualTo(before);
            before = wait;
        }
    }

    private void free(int seats, int blocks) {
        forecast.publish(
                new WaitForecast.Load(MS, 10 * MS, 2 * MS, 40 * MS, STEP_PROMPT_TOKENS, seats, blocks, 40 * MS),
                false,
                0);
    }

    /// A request that takes a second of the engine.
    private static RequestBuilder second(String tenant, TrafficClass trafficClass) {
        return request().of(tenant).in(trafficClass).promptLength(100).maxNewTokens(90);
    }

    private Flow flow(RequestBuilder request) {
        return accounts.open(request.build().caller(), nowNs);
    }

    /// A request like this one has started, and its prompt is to be computed.
    private void computes(RequestBuilder request) {
        Sequence sequence = new Arrivals(accounts).arrive(request);
        sequence.start(0);
        SequenceList running = SequenceList.byPrecedence();
        running.insert(sequence);
        ClassQueue queue = sequence.flow().classQueue();
        queue.prompts().publish(queue, running, 2 * MS, nowNs);
    }

    /// So many requests like this one are admitted and wait.
    private Flow waits(RequestBuilder request, int count) {
        Flow flow = flow(request);
        for (int i = 0; i < count; i++) flow.addWaiting(demand(request, flow), nowNs);
        return flow;
    }

    private Demand demand(RequestBuilder request) {
        return demand(request, flow(request));
    }

    private Demand demand(RequestBuilder request, Flow flow) {
        return forecast.demandOf(request.build(), flow);
    }

    private long waitNs(RequestBuilder request) {
        Flow flow = flow(request);
        return forecast.waitNs(flow, demand(request, flow), nowNs);
    }
}

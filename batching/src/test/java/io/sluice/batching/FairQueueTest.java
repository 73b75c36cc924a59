package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The queue before a device with one seat: whoever is first is computed whole, in one step of one nanosecond.
class FairQueueTest {
    private static final TrafficClass CLASS = ClassTerms.named("class", 1).terms();
    private static final double STEP_COST_MAX = 512;
    private static final int LENGTH_MAX = 50; // of prompts and of outputs
    private static final double COST_MAX =
            LENGTH_MAX * FairQueue.PROMPT_COST + LENGTH_MAX * FairQueue.OUTPUT_COST; // of one request

    private final FairQueue queue = new FairQueue();
    private final Arrivals arrivals = new Arrivals(1);
    private final Map<String, Double> served = new HashMap<>(); // cost by tenant and class

    @Test
    void twoBackloggedTenantsOfEqualWeightAreServedAlikeWhateverEachAsksFor() {
        var random = new Random(1);
        for (int i = 0; i < 20; i++) add("greedy", random);
        for (int i = 0; i < 2; i++) add("modest", random); // one waits while one is served
        for (int i = 0; i < 1000; i++) add(tenant(serve()), random);
        assertThat(served("modest")).isBetween(served("greedy") - COST_MAX, served("greedy") + COST_MAX);
    }

    @Test
    void whatBackloggedTenantsAreServedIsProportionalToTheirWeights() {
        for (long seed = 0; seed < 20; seed++) {
            served.clear();
            var random = new Random(seed);
            List<Tenant> tenants = new ArrayList<>();
            for (int i = 0; i < 5; i++) tenants.add(new Tenant("t" + seed + i, 1 + random.nextInt(9), 0, 1));
            var fresh = new FairQueue();
            for (Tenant tenant : tenants) {
                for (int left = random.nextInt(2, 11); left > 0; left--) fresh.add(arrive(tenant, CLASS, random));
            }
            for (int i = 0; i < 2000; i++) {
                Tenant tenant = serve(fresh).request().caller().tenant();
                fresh.add(arrive(tenant, CLASS, random));
            }
            for (Tenant one : tenants) {
                for (Tenant other : tenants) {
                    double lead = served(one.name()) / one.weight() - served(other.name()) / other.weight();
                    assertThat(lead)
                            .as("seed %d, %s before %s", seed, one, other)
                            .isLessThanOrEqualTo(COST_MAX / one.weight());
                }
            }
        }
    }

    @Test
    void aTenantThatIsAloneGetsEverything() {
        var light = new Tenant("light", 0.001, 0, 1);
        for (int i = 0; i < 100; i++) queue.add(arrive(light, CLASS, new Random(i)));
        for (int i = 0; i < 100; i++) assertThat(tenant(serve())).isEqualTo("light");
        assertThat(queue.first(now())).isNull();
    }

    @Test
    void whoComesBackGetsNoCreditForTheTimeInWhichItAskedForNothing() {
        for (int i = 0; i < 200; i++) add("steady", 10, 10);
        for (int i = 0; i < 100; i++) serve();
        for (int i = 0; i < 100; i++) add("back", 10, 10);
        served.clear();
        for (int i = 0; i < 50; i++) serve();
        assertThat(served("back")).isEqualTo(served("steady"));
    }

    @Test
    void whoComesBackGetsNoCreditEvenIfTheOthersWaitedOnlyForAMoment() {
        add("back", 10, 10);
        serve();
        for (int i = 0; i < 100; i++) { // never more than one waits
            add("steady", 10, 10);
            serve();
        }
        for (int i = 0; i < 10; i++) {
            add("back", 10, 10);
            add("steady", 10, 10);
        }
        served.clear();
        for (int i = 0; i < 10; i++) serve();
        assertThat(served("back") - served("steady")).isBetween(-30.0, 30.0);
    }

    @Test
    void anOutputTokenCostsAsMuchAsTwoOfAPrompt() {
        Sequence sequence = add("a", 1, 1);
        queue.charge(sequence, 100, 10);
        assertThat(sequence.flow().virtualTime()).isEqualTo(120);
    }

    @Test
    void cachedTokensAreFreeAndWhatIsComputedAgainIsPaidOnce() {
        var harness = new SchedulerHarness(new ModelLimits(16, 4, 64, 32, 4, 1000, 0), 32);
        harness.submit("a", 0, 9, 1, 1);
        harness.step();
        Flow flow = flowOf(harness, "b", 9);
        double before = flow.virtualTime();
        assertThat(harness.step()).isEqualTo("b[8,9)*"); // two blocks of its prompt are in the cache
        assertThat(flow.virtualTime() - before).isEqualTo(1 * FairQueue.PROMPT_COST);
    }

    @Test
    void whatIsComputedAgainWasPaidFor() {
        Sequence sequence = add("a", 10, 10);
        assertThat(sequence.chargeUpTo(10)).isEqualTo(10);
        sequence.advance(10);
        sequence.rewind();
        assertThat(sequence.chargeUpTo(6)).isZero();
        assertThat(sequence.chargeUpTo(11)).isEqualTo(1);
    }

    @Test
    void ofTenantsThatWereServedAlikeWhoCameFirstIsFirst() {
        Sequence first = add("b", 1, 1);
        Sequence second = add("a", 1, 1);
        Sequence third = add("c", 1, 1);
        assertThat(List.of(serve(), serve(), serve())).containsExactly(first, second, third);
    }

    @Test
    void aClassOfALowerRankGoesFirst() {
        Sequence low = add(ClassTerms.named("low", 2).terms());
        Sequence high = add(ClassTerms.named("high", 1).terms());
        assertThat(List.of(serve(), serve())).containsExactly(high, low);
    }

    @Test
    void aClassIsServedItsFloorHoweverMuchGoesBeforeIt() {
        TrafficClass high = ClassTerms.named("high", 0).terms();
        TrafficClass low = ClassTerms.named("low", 1).floor(0.2).terms();
        TrafficClass nothing = ClassTerms.named("nothing", 1).terms();
        for (TrafficClass each : List.of(high, low, nothing)) add(each);
        for (int i = 0; i < 1000; i++) add(serve().request().caller().trafficClass());
        assertThat(served("low") / (served("high") + served("low"))).isBetween(0.19, 0.21);
        assertThat(served("nothing")).isZero();
    }

    @Test
    void whatAFloorDoesNotNeedOthersUse() {
        TrafficClass high = ClassTerms.named("high", 0).terms();
        TrafficClass low = ClassTerms.named("low", 1).floor(0.5).terms();
        add(low);
        serve();
        for (int i = 0; i < 50; i++) add(high);
        for (int i = 0; i < 50; i++) assertThat(tenant(serve())).isEqualTo("high");
    }

    @Test
    void nobodyStarves() {
        long agingNs = 50;
        TrafficClass high = ClassTerms.named("high", 0).terms();
        add(high);
        int waiting = 0;
        for (int rank = 1; rank <= 3; rank++) {
            TrafficClass low =
                    ClassTerms.named("low" + rank, rank).agingNs(agingNs).terms();
            for (int i = 0; i < 9; i++) {
                queue.add(arrivals.arrive(request().of("t" + i % 3).in(low)));
                waiting++;
            }
        }
        // One of each class in its turn, whenever the class has waited for long enough.
        for (int i = 0; i < 9 * (agingNs + 3); i++) {
            if (serve().request().caller().trafficClass().equals(high)) add(high);
            else waiting--;
        }
        assertThat(waiting).isZero();
    }

    @Test
    void whoseRequestHasStartedGoesBeforeTheOthersOfItsClassButNotBeforeAnotherClass() {
        Sequence waiting = add("a", 1, 1);
        Sequence back = arrive(new Tenant("b", 1, 0, 1), CLASS, new Random(1));
        queue.addReturning(back);
        Sequence high = add(ClassTerms.named("high", 0).terms());
        assertThat(List.of(serve(), serve(), serve())).containsExactly(high, back, waiting);
        assertThat(back.isReturning()).isFalse();
    }

    @Test
    void aTenantThatIsSetAsideIsPassedOverAndKeepsItsTurn() {
        Sequence full = add("full", 1, 1);
        Sequence alsoFull = add("full", 1, 1);
        Sequence other = add("other", 1, 1);
        queue.setAside(full);
        assertThat(queue.first(now())).isSameAs(other);
        for (int i = 0; i < 2; i++) queue.restore(); // the second time there is nothing to restore
        assertThat(List.of(serve(), serve(), serve())).containsExactly(full, other, alsoFull);
    }

    @Test
    void aReturningSequenceIsSetAsideAlone() {
        Sequence one = arrive(new Tenant("a", 1, 0, 1), CLASS, new Random(1));
        Sequence another = arrive(new Tenant("a", 1, 0, 1), CLASS, new Random(1));
        queue.addReturning(one);
        queue.addReturning(another);
        queue.setAside(one);
        assertThat(queue.first(now())).isSameAs(another);
        queue.restore();
        assertThat(queue.first(now())).isSameAs(one);
    }

    @Test
    void onlyWhoGoesFirstForItsFloorAloneIsFavoured() {
        Sequence low = add(ClassTerms.named("low", 1).floor(0.2).agingNs(1000).terms());
        assertThat(queue.isFavoured(low, 0)).isFalse(); // nothing is owed it
        low.flow().classQueue().settleStep(100, true, STEP_COST_MAX);
        assertThat(queue.isFavoured(low, 0)).isFalse(); // nobody of a lower rank waits
        add(ClassTerms.named("high", 0).terms());
        assertThat(queue.isFavoured(low, 0)).isTrue();
        assertThat(queue.isFavoured(low, 1000)).isFalse(); // it has waited for long enough
    }

    /// Takes the first out, computes it whole, and closes the step.
    private Sequence serve() {
        return serve(queue);
    }

    private Sequence serve(FairQueue from) {
        Sequence next = Invariant.present(from.first(now()), "something waits");
        from.remove(next);
        next.flow().classQueue().countStart(next, now());
        int output = next.request().maxNewTokens();
        from.charge(next, next.promptLength(), output);
        from.settleStep(SequenceList.byPrecedence(), STEP_COST_MAX);
        double cost = next.promptLength() * FairQueue.PROMPT_COST + output * FairQueue.OUTPUT_COST;
        served.merge(tenant(next), cost, Double::sum);
        arrivals.nowNs++;
        return next;
    }

    private long now() {
        return arrivals.nowNs;
    }

    private static String tenant(Sequence sequence) {
        return sequence.flow().account().name();
    }

    private double served(String tenant) {
        return served.getOrDefault(tenant, 0.0);
    }

    private void add(String tenant, Random random) {
        queue.add(arrive(new Tenant(tenant, 1, 0, 1), CLASS, random));
    }

    private Sequence add(String tenant, int promptLength, int outputLength) {
        Sequence sequence = arrivals.arrive(
                request().of(tenant).in(CLASS).promptLength(promptLength).maxNewTokens(outputLength));
        queue.add(sequence);
        return sequence;
    }

    /// A request of a tenant that is called like its class.
    private Sequence add(TrafficClass trafficClass) {
        Sequence sequence = arrivals.arrive(request()
                .of(trafficClass.name())
                .in(trafficClass)
                .promptLength(8)
                .maxNewTokens(8));
        queue.add(sequence);
        return sequence;
    }

    private Sequence arrive(Tenant tenant, TrafficClass trafficClass, Random random) {
        return arrivals.arrive(request()
                .of(tenant)
                .in(trafficClass)
                .promptLength(1 + random.nextInt(LENGTH_MAX))
                .maxNewTokens(1 + random.nextInt(LENGTH_MAX)));
    }

    /// Submits an anonymous request and tells its flow.
    private static Flow flowOf(SchedulerHarness harness, String id, int promptLength) {
        harness.submit(id, 0, promptLength, 1, 1);
        return harness.scheduler.waiting().first().flow();
    }
}

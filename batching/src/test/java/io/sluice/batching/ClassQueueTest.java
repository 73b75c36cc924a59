package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ClassQueueTest {
    private static final long AGING_NS = 100;
    private static final TrafficClass TERMS =
            ClassTerms.named("class", 1).floor(0.2).agingNs(AGING_NS).terms();

    private final Arrivals arrivals = new Arrivals(1);

    @Test
    void aFlowsSequencesGoInTheOrderOfTheirArrival() {
        Sequence first = arrive("a");
        Sequence second = arrive("a");
        ClassQueue queue = first.flow().classQueue();
        queue.add(second);
        queue.add(first);
        assertThat(queue.first(0)).isSameAs(first);
        queue.remove(first);
        assertThat(queue.first(0)).isSameAs(second);
        queue.remove(second);
        assertThat(queue.first(0)).isNull();
        assertThat(queue.isEmpty()).isTrue();
    }

    @Test
    void whoHasStartedBeforeGoesBeforeAllFlows() {
        Sequence waiting = added("a");
        Sequence back = arrive("b");
        back.setReturning(true);
        ClassQueue queue = waiting.flow().classQueue();
        queue.addReturning(back);
        assertThat(queue.first(0)).isSameAs(back);
        back.setAside(true);
        assertThat(queue.first(0)).isSameAs(waiting);
        back.setAside(false);
        queue.remove(back);
        assertThat(queue.returning().isEmpty()).isTrue();
    }

    @Test
    void aFlowThatHadNothingToDoIsLiftedToTheLeastOfThoseThatHad() {
        Sequence busy = added("busy");
        ClassQueue queue = busy.flow().classQueue();
        queue.charge(busy.flow(), 70);
        Flow idle = added("idle").flow();
        assertThat(idle.virtualTime()).isEqualTo(70);
    }

    @Test
    void aFlowThatHadMoreThanOthersIsNotLiftedDown() {
        Sequence busy = added("busy");
        Sequence greedy = arrive("greedy");
        greedy.flow().setVirtualTime(90);
        busy.flow().classQueue().add(greedy);
        assertThat(greedy.flow().virtualTime()).isEqualTo(90);
    }

    @Test
    void whatARefusedFlowIsOwedIsKeptForAWhileUpToABound() {
        Sequence busy = added("busy");
        ClassQueue queue = busy.flow().classQueue();
        queue.settleStep(0, true, 1); // 512 steps of this cost are kept
        queue.charge(busy.flow(), 500);
        Sequence refused = arrive("refused");
        refused.flow().noteRefused(0);
        queue.add(refused);
        assertThat(refused.flow().virtualTime()).isZero();
        queue.remove(refused);
        queue.charge(busy.flow(), 500);
        queue.add(refused);
        assertThat(refused.flow().virtualTime()).isEqualTo(1000 - 512);
        queue.remove(refused);
        arrivals.nowNs = 10_000_000_000L;
        queue.add(arrive("refused"));
        assertThat(refused.flow().virtualTime()).isEqualTo(1000);
    }

    @Test
    void ifNobodyWaitsTheLatestThatWasServedSaysHowLate() {
        Sequence served = added("served");
        ClassQueue queue = served.flow().classQueue();
        served.flow().setVirtualTime(40);
        queue.remove(served);
        queue.countStart(served, 0);
        queue.charge(served.flow(), 5); // what it is charged for this one comes after its start
        assertThat(added("new").flow().virtualTime()).isEqualTo(40);
    }

    @Test
    void aTenantsWeightDividesWhatItIsCharged() {
        Sequence heavy =
                arrivals.arrive(request().of(new Tenant("heavy", 4, 0, 1)).in(TERMS));
        heavy.flow().classQueue().charge(heavy.flow(), 100);
        assertThat(heavy.flow().virtualTime()).isEqualTo(25);
    }

    @Test
    void aClassThatHasStartedNothingForTooLongStartsItsOldestWhateverItsFlowWasGiven() {
        Sequence oldest = added("greedy");
        Sequence next = added("modest");
        ClassQueue queue = oldest.flow().classQueue();
        queue.charge(oldest.flow(), 1000);
        assertThat(queue.first(AGING_NS - 1)).isSameAs(next);
        assertThat(queue.first(AGING_NS)).isSameAs(oldest);
        queue.countStart(oldest, AGING_NS);
        assertThat(queue.isOverdue(AGING_NS)).isFalse();
        assertThat(queue.isOverdue(2 * AGING_NS)).isTrue();
    }

    @Test
    void timeInWhichNothingWaitedIsNoWait() {
        arrivals.nowNs = 5 * AGING_NS;
        ClassQueue queue = added("a").flow().classQueue();
        queue.remove(Invariant.present(queue.first(0), "it waits"));
        arrivals.nowNs = 10 * AGING_NS;
        assertThat(added("a").flow().classQueue()).isSameAs(queue);
        assertThat(queue.isOverdue(11 * AGING_NS - 1)).isFalse();
        assertThat(queue.isOverdue(11 * AGING_NS)).isTrue();
    }

    @Test
    void itsFloorIsOwedItOfEveryStepAndPaidByWhatItIsServed() {
        Sequence sequence = added("a");
        ClassQueue queue = sequence.flow().classQueue();
        queue.settleStep(100, true, 1000);
        assertThat(queue.credit()).isEqualTo(20);
        queue.charge(sequence.flow(), 50);
        queue.settleStep(100, true, 1000);
        assertThat(queue.credit()).isEqualTo(-10);
    }

    @Test
    void whatItIsOwedIsBoundedAndIsNothingIfItWantsNothing() {
        ClassQueue queue = added("a").flow().classQueue();
        for (int i = 0; i < 100; i++) queue.settleStep(100, true, 100);
        assertThat(queue.credit()).isEqualTo(25);
        queue.settleStep(100, false, 100);
        assertThat(queue.credit()).isZero();
    }

    @Test
    void whatItWasServedBeyondItsFloorIsForgivenSoon() {
        Sequence sequence = added("a");
        ClassQueue queue = sequence.flow().classQueue();
        queue.charge(sequence.flow(), 100_000);
        queue.settleStep(100, true, 100);
        assertThat(queue.credit()).isEqualTo(-25);
    }

    private Sequence arrive(String tenant) {
        return arrivals.arrive(request().of(tenant).in(TERMS));
    }

    private Sequence added(String tenant) {
        Sequence sequence = arrive(tenant);
        sequence.flow().classQueue().add(sequence);
        return sequence;
    }
}

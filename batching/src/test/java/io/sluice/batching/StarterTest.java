package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static io.sluice.batching.Starter.Outcome.NO_ROOM;
import static io.sluice.batching.Starter.Outcome.STARTED;
import static io.sluice.batching.Starter.Outcome.TENANT_FULL;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Twelve blocks of four tokens on the device, eight in host memory.
class StarterTest {
    private static final TrafficClass HIGH = ClassTerms.named("high", 1).terms();
    private static final TrafficClass BATCH =
            ClassTerms.named("batch", 3).parkable().floor(0.1).terms();
    private static final TrafficClass OTHER_BATCH =
            ClassTerms.named("other-batch", 3).parkable().terms();
    private static final TrafficClass GUARANTEED =
            ClassTerms.named("guaranteed", 0).guaranteed().terms();

    private final RunningSequences running = new RunningSequences(new ModelLimits(12, 4, 1000, 64, 8, 1000, 8));
    private final Starter starter = running.starter;
    private int prompts;

    @Test
    void whatHasRoomStartsAndReservesWhatItMayNeed() {
        Sequence sequence = running.arrive(request().promptLength(8).maxNewTokens(8));
        assertThat(tryStart(sequence)).isEqualTo(STARTED);
        assertThat(sequence.status()).isEqualTo(Sequence.Status.RUNNING);
        assertThat(sequence.reservedBlocks()).isEqualTo(4);
    }

    @Test
    void whatHasNoRoomNowTakesNothing() {
        running.run(unseen(40));
        Sequence sequence = running.arrive(request().promptLength(12));
        assertThat(tryStart(sequence)).isEqualTo(NO_ROOM);
        assertNothingTaken(sequence, 2);
    }

    @Test
    void whatHasNoRoomGivesBackWhatItFoundComputed() {
        running.end(running.run(request().promptLength(8)));
        running.run(unseen(36));
        Sequence sequence = running.arrive(request().promptLength(24));
        assertThat(tryStart(sequence)).isEqualTo(NO_ROOM);
        assertNothingTaken(sequence, 3);
        assertThat(running.blocks.cachedCount()).isEqualTo(2);
    }

    @Test
    void whatHasRoomNowButWouldNotLaterTakesNothing() {
        running.run(unseen(16).maxNewTokens(16)); // four blocks, eight in the end
        Sequence sequence = running.arrive(request().promptLength(4).maxNewTokens(16)); // five in the end
        assertThat(tryStart(sequence)).isEqualTo(NO_ROOM);
        assertNothingTaken(sequence, 8);
    }

    @Test
    void whatIsPromisedToOthersIsNoRoom() {
        Sequence sequence = running.arrive(request().promptLength(12));
        running.reservations.survey(running.list);
        assertThat(starter.tryStart(sequence, running.plan, 10, false)).isEqualTo(NO_ROOM);
        assertThat(starter.tryStart(sequence, running.plan, 9, false)).isEqualTo(STARTED);
    }

    @Test
    void whoseTenantHasAllItMayHaveWaitsUnlessItIsAlone() {
        var capped = new Tenant("capped", 1, 0, 0.25);
        Sequence sequence = running.arrive(request().of(capped).promptLength(8).maxNewTokens(8));
        running.reservations.survey(running.list);
        assertThat(starter.tryStart(sequence, running.plan, 0, false)).isEqualTo(TENANT_FULL);
        assertThat(starter.tryStart(sequence, running.plan, 0, true)).isEqualTo(STARTED);
    }

    @Test
    void forAHigherClassWhoHasTheLeastPrecedenceIsParkedAndNoMoreThanIsNeeded() {
        Sequence oldest = longRunning(BATCH, 4);
        Sequence middle = longRunning(BATCH, 4);
        Sequence youngest = longRunning(BATCH, 3);
        assertThat(chooseLeaving(unseen(12).in(HIGH))).isTrue();
        assertThat(leaving()).containsExactly(youngest);
        for (Sequence sequence : List.of(oldest, middle, youngest)) sequence.setLeaving(false);
        assertThat(chooseLeaving(unseen(20).in(HIGH))).isTrue();
        assertThat(leaving()).containsExactly(middle, youngest);
    }

    @Test
    void theYoungestOfTheLowestClassLeavesFirst() {
        TrafficClass lowest = ClassTerms.named("lowest", 4).parkable().terms();
        Sequence low = longRunning(lowest, 4);
        longRunning(BATCH, 4);
        assertThat(chooseLeaving(unseen(20).in(HIGH))).isTrue();
        assertThat(leaving()).containsExactly(low);
    }

    @Test
    void ifAllThatMayLeaveIsNotEnoughNobodyDoes() {
        longRunning(HIGH, 6);
        longRunning(BATCH, 2);
        assertThat(chooseLeaving(unseen(40).in(HIGH))).isFalse();
        assertThat(leaving()).isEmpty();
    }

    @Test
    void nobodyIsParkedForAClassOfItsOwnRankOrAHigherOne() {
        longRunning(BATCH, 8);
        assertThat(chooseLeaving(unseen(32).in(OTHER_BATCH))).isFalse();
        assertThat(chooseLeaving(unseen(32).in(BATCH))).isFalse();
        assertThat(chooseLeaving(unseen(32).in(ClassTerms.named("lowest", 4).terms())))
                .isFalse();
        assertThat(chooseLeaving(unseen(32).in(HIGH))).isTrue();
    }

    @Test
    void aClassThatIsNotParkableIsNotParked() {
        longRunning(ClassTerms.named("firm", 3).terms(), 8);
        assertThat(chooseLeaving(unseen(32).in(HIGH))).isFalse();
    }

    @Test
    void aGuaranteedSequenceNeverLeavesEvenIfItsReaderLags() {
        longRunning(GUARANTEED, 10).pause(0);
        TrafficClass first = ClassTerms.named("first", 0).terms();
        assertThat(chooseLeaving(unseen(40).in(first))).isFalse();
        assertThat(leaving()).isEmpty();
    }

    @Test
    void whoseReaderLagsLeavesFirstWhateverItsClass() {
        Sequence lagging = longRunning(HIGH, 4);
        longRunning(BATCH, 4);
        lagging.pause(0);
        assertThat(chooseLeaving(unseen(24).in(BATCH))).isTrue();
        assertThat(leaving()).containsExactly(lagging);
    }

    @Test
    void whoHasJustStartedIsNotParked() {
        Sequence sequence = running.run(unseen(32).in(BATCH));
        for (int i = 0; i < 7; i++) sequence.countStep();
        assertThat(chooseLeaving(unseen(32).in(HIGH))).isFalse();
        sequence.countStep();
        assertThat(chooseLeaving(unseen(32).in(HIGH))).isTrue();
    }

    @Test
    void aClassThatItsFloorOwesSomethingIsNotParked() {
        Sequence sequence = longRunning(BATCH, 8);
        sequence.flow().classQueue().settleStep(100, true, 64);
        assertThat(chooseLeaving(unseen(32).in(HIGH))).isFalse();
    }

    @Test
    void withoutRoomInHostMemoryNobodyIsChosen() {
        longRunning(BATCH, 9); // nine blocks
        assertThat(chooseLeaving(unseen(36).in(HIGH))).isFalse();
    }

    @Test
    void hostMemoryIsCountedOverAllThatLeave() {
        longRunning(BATCH, 3);
        longRunning(BATCH, 3);
        Sequence large = longRunning(BATCH, 6); // with it there is room for none of the others
        assertThat(chooseLeaving(unseen(20).in(HIGH))).isTrue();
        assertThat(leaving()).containsExactly(large);
        large.setLeaving(false);
        assertThat(chooseLeaving(unseen(36).in(HIGH))).isFalse();
    }

    @Test
    void whatIsTakenAwayIsParkedAndComesBackAsItWas() {
        Sequence parked = longRunning(BATCH, 4);
        assertThat(takeAway(parked)).isTrue();
        assertThat(parked.status()).isEqualTo(Sequence.Status.PARKED);
        assertThat(parked.computed()).isEqualTo(15);
        assertThat(parked.reservedBlocks()).isZero();
        assertThat(running.host.usedCount()).isEqualTo(4);
        assertThat(running.blocks.freeCount()).isEqualTo(12);
        running.end(running.run(unseen(48))); // nothing of it is left on the device
        running.plan.clear();
        assertThat(tryStart(parked)).isEqualTo(STARTED);
        assertThat(running.plan.copiesInCount()).isEqualTo(4);
        assertThat(parked.table().count()).isEqualTo(4);
        assertThat(parked.stepsSinceStart()).isZero();
        assertThat(running.host.usedCount()).isZero();
    }

    @Test
    void whatIsStillOnTheDeviceIsNotCopiedBack() {
        Sequence parked = longRunning(BATCH, 4);
        takeAway(parked);
        running.plan.clear();
        assertThat(tryStart(parked)).isEqualTo(STARTED);
        // Three full blocks were found; what is not full is never offered to others.
        assertThat(running.plan.copiesInCount()).isEqualTo(1);
        assertThat(parked.uncomputed()).isEqualTo(1);
    }

    @Test
    void whatHasNoRoomInHostMemoryIsComputedAgain() {
        Sequence sequence = longRunning(BATCH, 9);
        assertThat(takeAway(sequence)).isFalse();
        assertThat(sequence.status()).isEqualTo(Sequence.Status.WAITING);
        assertThat(sequence.computed()).isZero();
        assertThat(sequence.tokenCount()).isEqualTo(36); // nothing that was written is lost
        assertThat(running.plan.copiesOutCount()).isZero();
        assertThat(running.blocks.freeCount()).isEqualTo(12);
    }

    @Test
    void aSiblingSharesItsPromptOnceThatIsComputed() {
        Sequence first = running.arrive(unseen(8).choices(3));
        Sequence second = first.submission().sequence(1);
        running.start(first);
        assertThat(Starter.computedSibling(second)).isNull();
        running.compute(first);
        assertThat(Starter.computedSibling(second)).isSameAs(first);
        running.end(first);
        assertThat(Starter.computedSibling(second)).isNull();
    }

    private Starter.Outcome tryStart(Sequence sequence) {
        running.reservations.survey(running.list);
        return starter.tryStart(sequence, running.plan, 0, running.list.isEmpty());
    }

    private boolean chooseLeaving(RequestBuilder head) {
        return starter.chooseLeaving(running.arrive(head), running.list, 0);
    }

    private boolean takeAway(Sequence sequence) {
        running.list.remove(sequence);
        return starter.takeAway(sequence, running.plan);
    }

    private List<Sequence> leaving() {
        List<Sequence> leaving = new ArrayList<>();
        for (int i = 0; i < running.list.size(); i++) {
            if (running.list.get(i).isLeaving()) leaving.add(running.list.get(i));
        }
        return leaving;
    }

    private void assertNothingTaken(Sequence sequence, int freeBlocks) {
        assertThat(sequence.status()).isEqualTo(Sequence.Status.WAITING);
        assertThat(sequence.table().count()).isZero();
        assertThat(sequence.reservedBlocks()).isZero();
        assertThat(running.blocks.freeCount()).isEqualTo(freeBlocks);
        running.blocks.checkInvariants(running.held());
    }

    /// A prompt that no other begins like.
    private RequestBuilder unseen(int promptLength) {
        return request().prompt(1000 * ++prompts, promptLength);
    }

    /// Fills `blocks` blocks, has run for long enough to be parked, and writes its last token.
    private Sequence longRunning(TrafficClass trafficClass, int blocks) {
        Sequence sequence = running.run(unseen(4 * blocks - 1).in(trafficClass).maxNewTokens(1));
        for (int i = 0; i < 8; i++) sequence.countStep();
        sequence.append(7);
        return sequence;
    }
}

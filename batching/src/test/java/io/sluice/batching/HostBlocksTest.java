package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HostBlocksTest {
    private static final ModelLimits LIMITS = new ModelLimits(16, 4, 64, 16, 4, 100, 8);

    private final HostBlocks host = new HostBlocks(8);
    private final Arrivals arrivals = new Arrivals(16);
    private final StepPlan plan = new StepPlan(LIMITS);

    @Test
    void eachBlockIsCopiedToAPlaceOfItsOwnAndBackFromThere() {
        Sequence sequence = holding(3, 1, 4);
        host.copyOut(sequence, plan);
        assertThat(plan.copiesOutCount()).isEqualTo(3);
        assertThat(host.usedCount()).isEqualTo(3);
        assertThat(host.freeCount()).isEqualTo(5);
        move(sequence, 9, 2, 6);
        host.copyIn(sequence, 0, plan);
        assertThat(plan.copiesInCount()).isEqualTo(3);
        for (int i = 0; i < 3; i++) {
            assertThat(plan.copyOutBlock(i)).isEqualTo(new int[] {3, 1, 4}[i]);
            assertThat(plan.copyInBlock(i)).isEqualTo(new int[] {9, 2, 6}[i]);
            assertThat(plan.copyInHostBlock(i)).isEqualTo(plan.copyOutHostBlock(i));
        }
        assertThat(host.usedCount()).isZero();
        assertThat(sequence.hostTable().count()).isZero();
    }

    @Test
    void whatIsFoundOnTheDeviceIsNotCopiedInButItsPlaceIsFree() {
        Sequence sequence = holding(3, 1, 4);
        host.copyOut(sequence, plan);
        host.copyIn(sequence, 2, plan);
        assertThat(plan.copiesInCount()).isEqualTo(1);
        assertThat(plan.copyInBlock(0)).isEqualTo(4);
        assertThat(host.freeCount()).isEqualTo(host.blockCount());
    }

    @Test
    void whoEndsWhileParkedGivesItsPlacesBack() {
        Sequence sequence = holding(3, 1, 4);
        host.copyOut(sequence, plan);
        host.release(sequence);
        host.release(sequence);
        assertThat(host.freeCount()).isEqualTo(8);
        host.checkInvariants(0);
    }

    @Test
    void moreThanThereIsRoomForIsABug() {
        host.copyOut(holding(0, 1, 2, 3, 4), plan);
        assertThatThrownBy(() -> host.copyOut(holding(5, 6, 7, 8), plan)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void aCopyOutAfterACopyInIsABug() {
        Sequence sequence = holding(3);
        host.copyOut(sequence, plan);
        host.copyIn(sequence, 0, plan);
        assertThatThrownBy(() -> host.copyOut(holding(5), plan)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void aPlaceThatNobodyHoldsAndThatIsNotFreeIsFound() {
        host.copyOut(holding(3, 4), plan);
        host.checkInvariants(2);
        assertThatThrownBy(() -> host.checkInvariants(1)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void noPlaceIsEverHeldTwice() {
        var random = new Random(1);
        List<Sequence> parked = new ArrayList<>();
        for (int round = 0; round < 5000; round++) {
            plan.clear();
            int wanted = random.nextInt(4);
            if (wanted <= host.freeCount() && random.nextBoolean()) {
                Sequence sequence = holding(random.ints(wanted, 0, 16).toArray());
                host.copyOut(sequence, plan);
                parked.add(sequence);
            } else if (!parked.isEmpty()) {
                host.release(parked.remove(random.nextInt(parked.size())));
            }
            Set<Integer> places = new HashSet<>();
            int held = 0;
            for (Sequence sequence : parked) {
                for (int i = 0; i < sequence.hostTable().count(); i++) {
                    places.add(sequence.hostTable().block(i));
                    held++;
                }
            }
            assertThat(places).hasSize(held);
            host.checkInvariants(held);
        }
    }

    private Sequence holding(int... blocks) {
        Sequence sequence = arrivals.arrive(request());
        for (int block : blocks) sequence.table().append(block);
        return sequence;
    }

    private static void move(Sequence sequence, int... blocks) {
        while (sequence.table().count() > 0) sequence.table().removeLast();
        for (int block : blocks) sequence.table().append(block);
    }
}

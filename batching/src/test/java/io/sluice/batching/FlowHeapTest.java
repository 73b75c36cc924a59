package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FlowHeapTest {
    private static final Comparator<Flow> TURN = Comparator.comparingDouble(Flow::virtualTime)
            .thenComparingLong(flow -> flow.waiting().first().order());

    private final Arrivals arrivals = new Arrivals(1);
    private final FlowHeap heap = new FlowHeap();

    @Test
    void whoHasTheLeastVirtualTimeIsFirst() {
        Flow late = flow("late", 3);
        Flow early = flow("early", 1);
        Flow middle = flow("middle", 2);
        for (Flow flow : List.of(late, early, middle)) heap.add(flow);
        assertThat(heap.first()).isSameAs(early);
        heap.remove(early);
        assertThat(heap.first()).isSameAs(middle);
        heap.remove(middle);
        assertThat(heap.first()).isSameAs(late);
    }

    @Test
    void ofEqualVirtualTimesWhoWaitsLongestIsFirst() {
        Flow cameFirst = flow("came-first", 5);
        Flow cameSecond = flow("came-second", 5);
        heap.add(cameSecond);
        heap.add(cameFirst);
        assertThat(heap.first()).isSameAs(cameFirst);
    }

    @Test
    void aFlowThatWasChargedMovesBack() {
        Flow a = flow("a", 1);
        Flow b = flow("b", 2);
        heap.add(a);
        heap.add(b);
        a.setVirtualTime(3);
        heap.demote(a);
        assertThat(heap.first()).isSameAs(b);
    }

    @Test
    void aFlowThatIsTakenOutTwiceIsABug() {
        Flow a = flow("a", 1);
        Flow b = flow("b", 2);
        heap.add(a);
        heap.add(b);
        heap.remove(a);
        a.setHeapIndex(0); // where b is now
        assertThatThrownBy(() -> heap.remove(a)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void whateverIsDoneToItItsFirstIsThatOfASortedList() {
        long seed = 11;
        var random = new Random(seed);
        List<Flow> inside = new ArrayList<>();
        List<Flow> outside = new ArrayList<>();
        for (int i = 0; i < 100; i++) outside.add(flow("f" + i, random.nextInt(1000)));
        for (int round = 0; round < 20_000; round++) {
            if (inside.isEmpty() || (!outside.isEmpty() && random.nextInt(3) == 0)) {
                Flow flow = outside.remove(random.nextInt(outside.size()));
                heap.add(flow);
                inside.add(flow);
            } else if (random.nextInt(3) == 0) {
                Flow flow = inside.remove(random.nextInt(inside.size()));
                heap.remove(flow);
                outside.add(flow);
                assertThat(flow.heapIndex()).isEqualTo(FlowHeap.NOT_IN_HEAP);
            } else {
                Flow flow = inside.get(random.nextInt(inside.size()));
                flow.setVirtualTime(flow.virtualTime() + random.nextInt(10));
                heap.demote(flow);
            }
            assertThat(heap.size()).as("seed %d round %d", seed, round).isEqualTo(inside.size());
            if (inside.isEmpty()) continue;
            assertThat(heap.first())
                    .as("seed %d round %d", seed, round)
                    .isSameAs(inside.stream().min(TURN).orElseThrow());
            assertInOrder();
        }
    }

    /// No flow goes before the one above it, and each knows where it is.
    private void assertInOrder() {
        for (int at = 0; at < heap.size(); at++) {
            Flow flow = heap.get(at);
            assertThat(flow.heapIndex()).isEqualTo(at);
            Flow above = heap.get(Math.max(0, (at - 1) / 2));
            assertThat(TURN.compare(above, flow)).isNotPositive();
        }
    }

    /// A flow with one waiting sequence.
    private Flow flow(String tenant, double virtualTime) {
        Sequence sequence = arrivals.arrive(request().of(tenant));
        sequence.flow().waiting().insert(sequence);
        sequence.flow().setVirtualTime(virtualTime);
        return sequence.flow();
    }
}

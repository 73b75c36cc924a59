package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The flows of a class that have waiting sequences, least virtual time first: a binary heap whose flows
/// know their place. Hot path: no allocation once it has grown. Engine thread only.
final class FlowHeap {
    static final int NOT_IN_HEAP = -1;

    private @Nullable Flow[] flows = new Flow[16];
    private int size;

    void add(Flow flow) {
        if (size == flows.length) flows = Arrays.copyOf(flows, size * 2);
        place(flow, size++);
        siftUp(flow);
    }

    void remove(Flow flow) {
        int at = flow.heapIndex();
        Invariant.check(get(at) == flow, "a flow is not where it believes");
        flow.setHeapIndex(NOT_IN_HEAP);
        Flow last = get(--size);
        flows[size] = null;
        if (last == flow) return;
        place(last, at);
        siftUp(last);
        siftDown(last);
    }

    /// The flow's virtual time has grown, or its first sequence has gone.
    void demote(Flow flow) {
        siftDown(flow);
    }

    Flow first() {
        return get(0);
    }

    /// Any of them, for walks over all.
    Flow get(int at) {
        return Invariant.present(flows[at], "no flow at this index");
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    private void siftUp(Flow flow) {
        int at = flow.heapIndex();
        while (at > 0) {
            Flow parent = get((at - 1) >>> 1);
            if (!goesBefore(flow, parent)) break;
            place(parent, at);
            at = (at - 1) >>> 1;
        }
        place(flow, at);
    }

    private void siftDown(Flow flow) {
        int at = flow.heapIndex();
        while (2 * at + 1 < size) {
            int child = 2 * at + 1;
            if (child + 1 < size && goesBefore(get(child + 1), get(child))) child++;
            if (!goesBefore(get(child), flow)) break;
            place(get(child), at);
            at = child;
        }
        place(flow, at);
    }

    /// Flows that were lifted to the same virtual time go by who waits longest.
    private static boolean goesBefore(Flow one, Flow other) {
        int order = Double.compare(one.virtualTime(), other.virtualTime());
        if (order != 0) return order < 0;
        return one.waiting().first().order() < other.waiting().first().order();
    }

    private void place(Flow flow, int at) {
        flows[at] = flow;
        flow.setHeapIndex(at);
    }
}

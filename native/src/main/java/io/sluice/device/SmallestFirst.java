package io.sluice.device;

/// A binary heap of numbers with the smallest at hand, in memory that is reused. Hot path: no allocation after the
/// constructor. One thread.
final class SmallestFirst {
    private final double[] heap;
    private int size;

    SmallestFirst(int capacity) {
        heap = new double[capacity];
    }

    void clear() {
        size = 0;
    }

    int size() {
        return size;
    }

    double smallest() {
        return heap[0];
    }

    void add(double value) {
        int at = size++;
        while (at > 0) {
            int parent = (at - 1) >>> 1;
            if (heap[parent] <= value) break;
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = value;
    }

    /// Takes the smallest out and puts `value` in.
    void replaceSmallest(double value) {
        siftDown(value);
    }

    double removeSmallest() {
        double smallest = heap[0];
        double last = heap[--size];
        if (size > 0) siftDown(last);
        return smallest;
    }

    /// Finds the place of `value` from the root down.
    private void siftDown(double value) {
        int at = 0;
        for (int child = 1; child < size; child = 2 * at + 1) {
            if (child + 1 < size && heap[child + 1] < heap[child]) child++;
            if (heap[child] >= value) break;
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = value;
    }
}

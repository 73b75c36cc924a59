package io.sluice.benchmarks.traffic;

/// Which requests got a token in the latest step. Hot path: reused, no allocation. One thread.
final class StepLog {
    private final int[] requests; // [token], index of the request
    private int count;

    StepLog(int sequencesMax) {
        requests = new int[sequencesMax];
    }

    void clear() {
        count = 0;
    }

    void add(int request) {
        requests[count++] = request;
    }

    int count() {
        return count;
    }

    int request(int at) {
        return requests[at];
    }
}

package io.sluice.benchmarks.traffic;

import java.util.ArrayDeque;

/// Gap logs to use again; there are never more than requests that ran at the same time. One thread.
final class GapPool {
    private final ArrayDeque<GapLog> free = new ArrayDeque<>();

    GapLog take() {
        GapLog log = free.poll();
        if (log == null) return new GapLog();
        log.clear();
        return log;
    }

    void giveBack(GapLog log) {
        free.push(log);
    }
}

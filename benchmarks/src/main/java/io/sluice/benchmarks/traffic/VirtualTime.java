package io.sluice.benchmarks.traffic;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.function.LongSupplier;

/// A clock that moves only when it is told to, and lets things happen at their moments on the way. One
/// thread.
final class VirtualTime implements LongSupplier {
    private static final Comparator<Event> BY_MOMENT =
            Comparator.comparingLong(Event::atNs).thenComparingLong(Event::number);

    private final PriorityQueue<Event> events = new PriorityQueue<>(BY_MOMENT);
    private long nowNs;
    private long scheduled;

    private record Event(long atNs, long number, Runnable action) {}

    /// Lets `action` happen at `atNs`, after whatever was scheduled for that moment before.
    void at(long atNs, Runnable action) {
        if (atNs < nowNs) throw new IllegalArgumentException("that moment has passed");
        events.add(new Event(atNs, scheduled++, action));
    }

    /// Moves on by `ns`; what is due up to then happens at its own moment.
    void advance(long ns) {
        long endNs = nowNs + ns;
        while (true) {
            Event next = events.peek();
            if (next == null || next.atNs() > endNs) break;
            happen();
        }
        nowNs = endNs;
    }

    /// Moves to the next thing that happens, and lets it.
    ///
    /// @return false if nothing will
    boolean skip() {
        if (events.isEmpty()) return false;
        happen();
        return true;
    }

    private void happen() {
        Event event = events.remove();
        nowNs = event.atNs();
        event.action().run();
    }

    @Override
    public long getAsLong() {
        return nowNs;
    }
}

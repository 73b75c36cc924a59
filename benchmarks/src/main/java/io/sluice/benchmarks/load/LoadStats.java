package io.sluice.benchmarks.load;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.HdrHistogram.Histogram;

/// Gathers what becomes of requests. Any thread; one short lock for each request, none for each token.
final class LoadStats {
    private final Consumer<Result> watcher;
    private final long warmUpNs;
    private final LongAdder tokensSeen = new LongAdder();
    private final GroupStats all = new GroupStats("all");
    private final TreeMap<String, GroupStats> classes = new TreeMap<>();
    private final TreeMap<String, GroupStats> tenants = new TreeMap<>(); // at most as many as keys
    private final Histogram lag = new Histogram(3); // microseconds
    private long startNs;
    private long sendingEndedNs;
    private long endedNs;
    private int started;
    private int finished;
    private long attempts;
    private long heartbeats;

    /// @param warmUp requests that are meant to be sent within it are not counted
    LoadStats(Duration warmUp) {
        this(warmUp, _ -> {});
    }

    /// @param watcher is told of every request that has ended, one at a time
    LoadStats(Duration warmUp, Consumer<Result> watcher) {
        this.watcher = watcher;
        warmUpNs = warmUp.toNanos();
        lag.setAutoResize(true);
    }

    /// Tokens that have come so far, of whatever request.
    LongAdder tokensSeen() {
        return tokensSeen;
    }

    synchronized void start(long nowNs) {
        startNs = nowNs;
    }

    synchronized void sendingEnded(long nowNs) {
        sendingEndedNs = nowNs;
    }

    synchronized void sent(Ask ask) {
        started++;
    }

    synchronized void notSent(Ask ask) {
        if (ask.atNs() < warmUpNs) return;
        for (GroupStats group : groups(ask.key())) group.countNotSent();
    }

    synchronized void ended(Result result) {
        finished++;
        endedNs = System.nanoTime();
        watcher.accept(result);
        if (result.intendedNs() - startNs < warmUpNs) return;
        attempts += result.attempts();
        if (result.last() instanceof Attempt.Answered answered) heartbeats += answered.heartbeats();
        lag.recordValue(Math.max(0, result.lagNs() / 1000));
        for (GroupStats group : groups(result.ask().key())) {
            group.countSent();
            group.count(result);
        }
    }

    private List<GroupStats> groups(Key key) {
        return List.of(
                all,
                classes.computeIfAbsent(key.className(), GroupStats::new),
                tenants.computeIfAbsent(key.tenant(), GroupStats::new));
    }

    /// How far the run is, for a progress line.
    synchronized Progress progress() {
        GroupStats.Snapshot now = all.snapshot();
        return new Progress(started, finished, now.refused(), now.failed(), now.firstToken(), now.gap());
    }

    /// How far a run is. A value.
    record Progress(int started, int finished, int refused, int failed, Histogram firstToken, Histogram gap) {}

    synchronized Snapshot snapshot() {
        var byClass = new ArrayList<GroupStats.Snapshot>();
        for (GroupStats group : classes.values()) byClass.add(group.snapshot());
        var byTenant = new ArrayList<GroupStats.Snapshot>();
        for (GroupStats group : tenants.values()) byTenant.add(group.snapshot());
        double seconds = Math.max(1, sendingEndedNs - startNs - warmUpNs) / 1e9;
        double drainSeconds = Math.max(0, endedNs - sendingEndedNs) / 1e9;
        return new Snapshot(seconds, drainSeconds, all.snapshot(), byClass, byTenant, lag.copy(), attempts, heartbeats);
    }

    /// What was measured. A value.
    ///
    /// @param seconds in which requests were sent and counted
    /// @param drainSeconds from the last request to the last answer
    /// @param lag by how much later than meant requests were sent, in microseconds
    record Snapshot(
            double seconds,
            double drainSeconds,
            GroupStats.Snapshot all,
            List<GroupStats.Snapshot> classes,
            List<GroupStats.Snapshot> tenants,
            Histogram lag,
            long attempts,
            long heartbeats) {
        Snapshot {
            classes = List.copyOf(classes);
            tenants = List.copyOf(tenants);
        }
    }
}

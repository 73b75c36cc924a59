package io.sluice.benchmarks.traffic;

import io.sluice.batching.Outlook;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Notes the engine's signals for scaling along a replay, ten times a second of virtual time, and what became
/// of requests meanwhile. One thread.
final class SignalLog {
    private static final long BETWEEN_NS = 100_000_000;
    private static final double LOAD_WANTED = 0.7; // as `serve` has it
    private static final double SECOND_NS = 1e9;
    static final String HEAD = "seconds,load,saturation,replicas_wanted,headroom_tokens_per_second,refused,late\n";

    private final List<Row> rows = new ArrayList<>(); // ten for each second of the trace
    private long nextNs;
    private int refused;
    private int late;

    /// One moment. A value.
    ///
    /// @param refused requests so far that were not taken
    /// @param late requests so far whose first token came after their class's target
    record Row(long atNs, Outlook outlook, int refused, int late) {}

    void look(long nowNs, SimulatedEngine engine) {
        if (nowNs < nextNs) return;
        nextNs = nowNs + BETWEEN_NS;
        engine.outlook().ifPresent(outlook -> rows.add(new Row(nowNs, outlook, refused, late)));
    }

    void countRefused() {
        refused++;
    }

    void countFirstToken(TrafficRequest request, long nowNs) {
        long targetNs = request.caller().trafficClass().firstTokenTargetNs();
        if (nowNs - request.arrivalNs() > targetNs) late++;
    }

    List<Row> rows() {
        return List.copyOf(rows);
    }

    String csv() {
        StringBuilder text = new StringBuilder(HEAD);
        for (Row row : rows) {
            Outlook outlook = row.outlook();
            text.append(String.format(
                    Locale.ROOT,
                    "%.1f,%.3f,%.3f,%.3f,%.0f,%d,%d\n",
                    row.atNs() / SECOND_NS,
                    outlook.load(),
                    outlook.saturation(),
                    outlook.replicas(LOAD_WANTED),
                    outlook.headroom(),
                    row.refused(),
                    row.late()));
        }
        return text.toString();
    }
}

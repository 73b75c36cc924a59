package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The signals for scaling along a step load, in the simulator.
class SignalLogTest {
    private static final long SECOND_NS = 1_000_000_000L;
    private static final long STEP_AT_NS = 30 * SECOND_NS;

    /// Eight seats, and about twenty requests a second that they can do.
    private static final DeviceModel DEVICE = SmallTraces.device(8, 256);

    @Test
    void theSignalCrossesOneAfterTheStepAndBeforeAnyFirstTokenIsLate() {
        SignalLog log = new SignalLog();
        Replay replay = new Replay(Workload.of(stepLoad(), 1, 131_072), DEVICE, new Policy.Sluice(), Clients.GIVE_UP);
        replay.note(log);
        replay.run(TokenListener.NOBODY);
        List<SignalLog.Row> rows = log.rows();
        assertThat(rows).hasSizeGreaterThan(400);
        long crossedNs = rows.stream()
                .filter(row -> row.outlook().saturation() > 1)
                .mapToLong(SignalLog.Row::atNs)
                .findFirst()
                .orElseThrow(() -> new AssertionError("it never crosses 1"));
        long lateNs = rows.stream()
                .filter(row -> row.late() > 0)
                .mapToLong(SignalLog.Row::atNs)
                .findFirst()
                .orElse(Long.MAX_VALUE);
        assertThat(crossedNs)
                .isGreaterThan(STEP_AT_NS)
                .isLessThan(STEP_AT_NS + 5 * SECOND_NS)
                .isLessThan(lateNs);
        assertThat(rows.getLast().refused()).isPositive();
        assertThat(log.csv().lines().count()).isEqualTo(rows.size() + 1L);
        double wanted = rows.stream()
                .mapToDouble(row -> row.outlook().replicas(0.7))
                .max()
                .orElseThrow();
        assertThat(wanted).isGreaterThan(2);
    }

    /// Half a minute of a quarter of what can be done, then of three times as much.
    private static Trace stepLoad() {
        var rows = new ArrayList<TraceRow>();
        for (long atNs = 0; atNs < STEP_AT_NS; atNs += SECOND_NS / 5) rows.add(row(atNs));
        for (long atNs = STEP_AT_NS; atNs < 2 * STEP_AT_NS; atNs += SECOND_NS / 60) rows.add(row(atNs));
        return new Trace("step", "none", rows);
    }

    private static TraceRow row(long atNs) {
        return new TraceRow(atNs, 200, 60, List.of());
    }
}

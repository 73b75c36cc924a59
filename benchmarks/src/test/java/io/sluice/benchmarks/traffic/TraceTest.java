package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TraceTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void anotherRateScalesAllGapsAlike() {
        Trace trace = trace(0, 2, 6).atRate(2 * trace(0, 2, 6).rate());
        assertThat(arrivals(trace)).containsExactly(0L, SECOND, 3 * SECOND);
        assertThat(trace.rate()).isCloseTo(2.0 / 3, within(1e-9));
    }

    @Test
    void theFirstSpanEndsBeforeItsEnd() {
        assertThat(arrivals(trace(0, 2, 6, 7).first(Duration.ofSeconds(6)))).containsExactly(0L, 2 * SECOND);
        assertThatThrownBy(() -> trace(0, 2, 6).first(Duration.ofSeconds(1))).isInstanceOf(BrokenTrace.class);
    }

    @Test
    void requestsOfOneTickAreSpreadUntilTheNextAndKeepTheirOrder() {
        Trace ticking = trace(0, 0, 0, 3, 3, 6, 20, 20);
        Trace spread = ticking.spread(1);
        List<Long> arrivals = arrivals(spread);
        assertThat(arrivals).isSorted().doesNotHaveDuplicates();
        assertThat(arrivals.subList(0, 3)).allMatch(at -> at < 3 * SECOND);
        assertThat(arrivals.subList(3, 5)).allMatch(at -> at >= 3 * SECOND && at < 6 * SECOND);
        assertThat(arrivals.get(5)).isEqualTo(6 * SECOND); // alone on its tick: it stays
        assertThat(arrivals.subList(6, 8)).allMatch(at -> at >= 20 * SECOND && at < 23 * SECOND); // the usual tick
        assertThat(arrivals(ticking.spread(1))).isEqualTo(arrivals);
        assertThat(arrivals(ticking.spread(2))).isNotEqualTo(arrivals);
    }

    @Test
    void aTraceWithoutARateIsNone() {
        assertThatThrownBy(() -> trace(0, 0)).isInstanceOf(BrokenTrace.class);
    }

    private static Trace trace(long... seconds) {
        var rows = new ArrayList<TraceRow>();
        for (long at : seconds) rows.add(new TraceRow(at * SECOND, 1, 1, List.of()));
        return new Trace("made", "none", rows);
    }

    private static List<Long> arrivals(Trace trace) {
        return trace.rows().stream().map(TraceRow::arrivalNs).toList();
    }
}

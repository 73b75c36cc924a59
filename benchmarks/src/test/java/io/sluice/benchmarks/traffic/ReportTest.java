package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReportTest {
    private static final Setup SETUP = new Setup("abc123", 5, SmallTraces.tightDevice(6000));
    private static final Study STUDY = study(1); // takes seconds

    @Test
    void theSameInputsGiveTheSameBytesOnAnyNumberOfThreads() {
        Study again = study(3);
        assertThat(ReportMarkdown.of(again)).isEqualTo(ReportMarkdown.of(STUDY));
        assertThat(ReportJson.of(again)).isEqualTo(ReportJson.of(STUDY));
    }

    @Test
    void theReportNamesItsConditionsAndAllPolicies() throws IOException {
        assertThat(ReportMarkdown.of(STUDY))
                .contains(
                        "abc123",
                        "tight",
                        "llama-3.1-8b: a formula",
                        "## random",
                        "At 4x",
                        "| sluice |",
                        "| fcfs |",
                        "| cap:")
                .contains("| reserve:", "time to come back", "TTFT 500 ms, ITL 50 ms")
                .doesNotContain("NaN");
        int depth = 0;
        try (JsonParser json = new JsonFactory().createParser(ReportJson.of(STUDY))) {
            while (json.nextToken() != null) depth++;
        }
        assertThat(depth).isGreaterThan(1000);
    }

    @Test
    void capacityIsSustainedAndALittleMoreIsNot() {
        Trace trace = SmallTraces.random(6, 400, 300, 60);
        var search = new CapacitySearch(SETUP, trace);
        double capacity = search.find().requestsPerSecond();
        assertThat(lateness(trace, capacity)).isLessThan(0.3);
        assertThat(lateness(trace, 2 * capacity)).isGreaterThan(0.5);
    }

    /// By how much more than the trace's span the engine takes.
    private static double lateness(Trace trace, double requestsPerSecond) {
        ReplayResult result = SETUP.measure(SETUP.workload(trace, requestsPerSecond), new Policy.FirstCome())
                .summary()
                .result();
        return (double) result.endNs() / result.workload().endNs() - 1;
    }

    private static Study study(int threads) {
        try (var pool = new ReplayPool(threads)) {
            return Study.of(SETUP, List.of(SmallTraces.random(6, 150, 300, 60)), pool, _ -> {});
        }
    }
}

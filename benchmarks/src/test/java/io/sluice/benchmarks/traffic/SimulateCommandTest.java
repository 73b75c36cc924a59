package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.benchmarks.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SimulateCommandTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final Commands commands = new Commands();

    @Test
    void aReplayIsPrintedWithItsConditions() {
        assertThat(commands.run("simulate", "--trace", trace(), "--gpu", "h200", "--rate", "2.0", "--policy", "cap:8"))
                .isZero();
        assertThat(commands.out()).contains("cap:8", "llama-3.1-8b on h200", "goodput", "interactive", "refusals");
    }

    @Test
    void orAsJson() {
        assertThat(commands.run("simulate", "--trace", trace(), "--rps", "3", "--json", "--span", "1m"))
                .isZero();
        assertThat(commands.out()).startsWith("{").contains("\"policy\" : \"sluice\"", "\"goodputRequestsPerSecond\"");
    }

    @Test
    void aReportIsWrittenToItsFolder() throws IOException {
        trace();
        Path reports = folder.resolve("deep/reports");
        assertThat(commands.run("simulate", "report", "--traces", folder.toString(), "--out", reports.toString()))
                .isZero();
        assertThat(Files.readString(reports.resolve("traffic-simulation.md"))).contains("# Traffic in simulation");
        assertThat(Files.readString(reports.resolve("traffic-simulation.json"))).startsWith("{");
    }

    @Test
    void whatIsWrongIsNamedWithTheNearestRightThing() {
        assertRefused("did you mean h100?", "--gpu", "h10");
        assertRefused("llama-3.1-8b, qwen3-8b, smollm2-135m", "--model", "gpt-2");
        assertRefused("did you mean fcfs?", "--policy", "fcsf");
        assertRefused("N at least 1", "--policy", "cap:0");
        assertRefused("did you mean give-up?", "--clients", "giveup");
        assertRefused("90s, 10m or 1h", "--span", "ten minutes");
        assertRefused("--rate must be more than 0", "--rate", "-1");
        assertRefused("cannot both be given", "--rate", "1", "--load", "2");
        assertRefused("did you mean --policy?", "--polcy", "fcfs");
        assertRefused("at least --max-num-seqs, 512", "--max-num-batched-tokens", "64");
    }

    @Test
    void aMissingOrBrokenTraceIsNamed() {
        assertThat(commands.run("simulate", "--trace", folder.resolve("no.csv").toString()))
                .isEqualTo(2);
        assertThat(commands.err()).contains("there is no file", "no.csv");
        Path broken = SmallTraces.file(folder, "broken.csv", AzureCsv.HEADER, "today,1,2");
        assertThat(commands.run("simulate", "--trace", broken.toString())).isEqualTo(2);
        assertThat(commands.err()).contains("broken.csv, line 2");
        assertThat(commands.run("simulate")).isEqualTo(2);
        assertThat(commands.err()).contains("--trace FILE");
    }

    @Test
    void aTraceThatNoModelCouldServeIsSaidPlainly() {
        Path huge = SmallTraces.file(
                folder, "huge.csv", AzureCsv.HEADER, "2023-11-16 18:15:46,9000000,1", "2023-11-16 18:15:47,9000000,1");
        assertThat(commands.run("simulate", "--trace", huge.toString(), "--load", "1"))
                .isEqualTo(1);
        assertThat(commands.err()).contains("huge.csv", "too long for this model");
        assertThat(commands.run("simulate", "--trace", huge.toString(), "--gpu", "cpu"))
                .isEqualTo(2);
        assertThat(commands.err()).contains("llama-3.1-8b does not fit on cpu");
    }

    private void assertRefused(String hint, String... arguments) {
        var all = new ArrayList<>(List.of("simulate", "--trace", trace()));
        all.addAll(List.of(arguments));
        assertThat(commands.run(all.toArray(String[]::new))).as(all.toString()).isEqualTo(2);
        assertThat(commands.err()).contains(hint);
    }

    private String trace() {
        String[] lines = new String[81];
        lines[0] = AzureCsv.HEADER;
        for (int i = 1; i < lines.length; i++) {
            lines[i] = "2023-11-16 18:%02d:%02d.0000000,%d,%d".formatted(i / 60, i % 60, 50 + i, 1 + i % 20);
        }
        return SmallTraces.file(folder, "small.csv", lines).toString();
    }
}

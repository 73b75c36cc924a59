package io.sluice.benchmarks.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.benchmarks.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareAndCapacityTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final Commands commands = new Commands();

    @Test
    void serversAreMeasuredInTurnAndComparedWithTheFirst() throws IOException {
        Path json = folder.resolve("c.json");
        Path html = folder.resolve("c.html");
        try (var quick = new SinkServer(0, Duration.ZERO);
                var slow = new SinkServer(0, Duration.ofMillis(3))) {
            assertThat(run(("compare --peer quick=" + url(quick) + " --peer slow=" + url(slow)
                                    + " --rounds 3 --requests 8 --concurrency 2 --output-tokens 20 --json " + json
                                    + " --html " + html)
                            .split(" ", -1)))
                    .as(commands.err())
                    .isZero();
        }
        // Whoever was first in one round is not in the next.
        assertThat(commands.err())
                .containsSubsequence(
                        "round 1 of 3: quick", "round 1 of 3: slow", "round 2 of 3: slow", "2 of 3: quick");
        assertThat(commands.out()).contains("commit ", "quick ", "slow ", "3 rounds of 8 requests each, 2 at a time");
        assertThat(Files.readString(json)).contains("\"ratioToFirst\" : 1,", "\"peer\" : \"slow\"");
        assertThat(Files.readString(html)).contains("<svg", "TTFT p50");
    }

    @Test
    void whatServersCannotBeComparedIsSaid() {
        assertRefused("one alone compares with nothing", "compare", "--peer", "a=http://127.0.0.1:1");
        assertRefused("--rounds must be at least 1", "compare", "--peer", "a=x", "--peer", "b=y", "--rounds", "0");
        assertRefused(
                "--model names c, which is no --peer", "compare", "--peer", "a=x", "--peer", "b=y", "--model", "c=m");
        assertRefused("--peer b must begin with http", "compare", "--peer", "b=ftp://x", "--peer", "a=ftp://y");
    }

    @Test
    void aRateIsFoundThatHoldsAndWhatToSetIsPrinted() throws IOException {
        Path html = folder.resolve("c.html");
        // Every rate holds, and the search ends at the highest.
        try (var sink = new SinkServer(0, Duration.ZERO)) {
            assertThat(run(("capacity --url " + url(sink)
                                    + " --slo ttft=60000ms,itl=60000ms --trial 500ms --start 100 --max-rate 150"
                                    + " --output-tokens 2 --prompt-tokens 2 --html " + html)
                            .split(" ", -1)))
                    .as(commands.err())
                    .isZero();
        }
        assertThat(commands.out())
                .contains("100", "yes", "interactive: {ttft: 60000ms, itl: 60000ms}", "requests-per-minute: 4800")
                .contains("type: prometheus", "threshold: ", "promise ");
        assertThat(Files.readString(html)).contains("Served as promised", "<svg");
    }

    @Test
    void aPromiseThatCannotBeKeptIsSaidToBeOne() throws IOException {
        try (var sink = new SinkServer(0, Duration.ofMillis(20))) {
            assertThat(run(("capacity --url " + url(sink) + " --slo ttft=1000ms,itl=1ms --trial 100ms --start 40"
                                    + " --output-tokens 5 --prompt-tokens 2")
                            .split(" ", -1)))
                    .isEqualTo(1);
        }
        assertThat(commands.out()).contains("No rate that was tried holds TTFT 1 s, ITL 1 ms");
    }

    @Test
    void whatCapacityCannotMeanIsNamed() {
        assertRefused("--slo must be like ttft=500ms,itl=50ms, got \"e2e=5s\"", "capacity", "--slo", "e2e=5s");
        assertRefused("--attain must be more than 0", "capacity", "--attain", "0");
        assertRefused("--precision must be between", "capacity", "--precision", "1");
        assertRefused("--start must be between", "capacity", "--start", "0");
        assertRefused("--start must be between", "capacity", "--start", "9", "--max-rate", "8");
        assertRefused("--max-rate must be between", "capacity", "--max-rate", "0");
        assertRefused("--trial must be a time such as", "capacity", "--trial", "soon");
    }

    private void assertRefused(String problem, String... arguments) {
        assertThat(run(arguments)).as(problem).isEqualTo(2);
        assertThat(commands.err()).contains(problem);
    }

    private static String url(SinkServer sink) {
        return "http://127.0.0.1:" + sink.port();
    }

    private int run(String... arguments) {
        return commands.run(
                Stream.concat(Stream.of("bench"), Stream.of(arguments)).toArray(String[]::new));
    }
}

package io.sluice.benchmarks.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.benchmarks.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServeLoadCommandTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final Commands commands = new Commands();

    @Test
    void aClosedLoopIsMeasuredAndReportedWithItsConditions() throws IOException {
        try (var sink = new SinkServer(0, Duration.ZERO)) {
            Path json = folder.resolve("measured.json");
            assertThat(run(
                            sink,
                            "--concurrency",
                            "4",
                            "--requests",
                            "50",
                            "--output-tokens",
                            "40",
                            "--json",
                            json.toString()))
                    .isZero();
            assertThat(commands.out())
                    .contains("server ", "model              sink", "closed loop of 4", "sent               50 in")
                    .contains("answered           50 (100.0 %)", "40 per answer", "refused            none");
            assertThat(Files.readString(json))
                    .contains("\"outputTokens\" : 2000", "\"textEvents\" : 2000", "\"commit\"");
        }
    }

    @Test
    void anOpenLoopForTenantsOnCompletions() throws IOException {
        Path keys = Files.write(folder.resolve("keys"), List.of("a sk-a interactive", "b sk-b gold"));
        try (var sink = new SinkServer(0, Duration.ZERO)) {
            assertThat(run(
                            sink,
                            "--rate",
                            "500",
                            "--burstiness",
                            "0.5",
                            "--requests",
                            "60",
                            "--endpoint",
                            "completions",
                            "--keys",
                            keys.toString(),
                            "--slo",
                            "gold:ttft=1s,itl=1s"))
                    .isZero();
            assertThat(commands.out()).contains("interactive", "gold", "60 in");
        }
    }

    @Test
    void aTraceIsReplayed() throws IOException {
        Path trace = Files.write(
                folder.resolve("t.jsonl"),
                List.of(
                        "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 3}",
                        "{\"timestamp\": 40, \"input_length\": 6, \"output_length\": 4}"));
        try (var sink = new SinkServer(0, Duration.ZERO)) {
            assertThat(run(sink, "--trace", trace.toString(), "--speed", "4")).isZero();
            assertThat(commands.out()).contains("trace t.jsonl (SHA-256", "at 4.0x", "3.5 per answer");
        }
    }

    @Test
    void aServerThatIsNotThereIsSaidPlainly() throws IOException {
        int port;
        try (var sink = new SinkServer(0, Duration.ZERO)) {
            port = sink.port();
        }
        assertThat(commands.run("bench", "serve", "--url", "http://127.0.0.1:" + port, "--rate", "1"))
                .isEqualTo(1);
        assertThat(commands.err()).contains("no server answers at http://127.0.0.1:" + port);
    }

    @Test
    void whatIsWrongIsNamed() throws IOException {
        try (var sink = new SinkServer(0, Duration.ZERO)) {
            assertRefused(sink, "one of --rate, --trace and --concurrency");
            assertRefused(sink, "--key for one tenant or --keys for several", "--key", "k", "--keys", "file");
            assertRefused(sink, "one of --rate, --trace and --concurrency", "--rate", "1", "--concurrency", "2");
            assertRefused(sink, "did you mean completions?", "--rate", "1", "--endpoint", "completion");
            assertRefused(sink, "--retry-after must be ignore or obey", "--rate", "1", "--retry-after", "maybe");
            assertRefused(sink, "--rate must be more than 0", "--rate", "0");
            assertRefused(
                    sink, "--prompt-tokens must be like 256 or 128-1024", "--rate", "1", "--prompt-tokens", "9-3");
            assertRefused(sink, "--duration must be a time such as", "--rate", "1", "--duration", "1 hour");
            assertRefused(
                    sink,
                    "there is no file",
                    "--trace",
                    folder.resolve("no.csv").toString());
            assertRefused(sink, "did you mean --rate?", "--rte", "1");
        }
        assertThat(commands.run("bench", "serve", "--url", "ftp://x", "--rate", "1"))
                .isEqualTo(2);
        assertThat(commands.err()).contains("--url must begin with http:// or https://");
        assertThat(commands.run("bench", "serv")).isEqualTo(2);
        assertThat(commands.err()).contains("did you mean serve?");
    }

    private void assertRefused(SinkServer sink, String problem, String... arguments) {
        assertThat(run(sink, arguments)).as(problem).isEqualTo(2);
        assertThat(commands.err()).contains(problem);
    }

    private int run(SinkServer sink, String... arguments) {
        var all = new ArrayList<>(List.of("bench", "serve", "--url", "http://127.0.0.1:" + sink.port()));
        all.addAll(List.of(arguments));
        return commands.run(all.toArray(String[]::new));
    }
}

package io.sluice.benchmarks.frontend;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.benchmarks.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FrontendCommandTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final Commands commands = new Commands();

    @Test
    void theRealServerIsMeasuredWithoutAModel() throws IOException {
        Path json = folder.resolve("f.json");
        Path html = folder.resolve("f.html");
        assertThat(run(("--streams 8 --step 5ms --duration 2s --warm-up 1s --server-cores all --heap 512m --json "
                                + json + " --html " + html)
                        .split(" ", -1)))
                .as(commands.err())
                .isZero();
        assertThat(commands.out())
                .contains("EVENTS PER SECOND AND SERVER CORE", "system alone", "the server's processor time went to")
                .contains("live heap", "instruction sets");
        assertThat(Files.readString(json)).contains("\"eventsPerSecondAndServerCore\"", "\"processorTime\"");
        assertThat(Files.readString(html)).contains("The server&#39;s memory", "<svg");
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThat(run("--streams", "0")).isEqualTo(2);
        assertThat(commands.err()).contains("--streams must be between 1 and 20000, got 0");
        assertThat(run("--heap", "much")).isEqualTo(2);
        assertThat(commands.err()).contains("--heap must be like 512m or 2g");
        assertThat(run("--step", "fast")).isEqualTo(2);
        assertThat(commands.err()).contains("--step must be a time such as");
    }

    private int run(String... arguments) {
        return commands.run(Stream.concat(Stream.of("bench", "frontend"), Stream.of(arguments))
                .toArray(String[]::new));
    }
}

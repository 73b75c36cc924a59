package io.sluice.benchmarks.micro;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.benchmarks.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JmhCommandTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final Commands commands = new Commands();

    @Test
    void aBenchmarkIsMeasuredAndReportedWithItsConditions() throws IOException {
        Path json = folder.resolve("jmh.json");
        Path html = folder.resolve("jmh.html");
        assertThat(run("TokenStreamBenchmark.publish", "--quick", "--json", json.toString(), "--html", html.toString()))
                .as(commands.err())
                .isZero();
        assertThat(commands.out())
                .contains("commit ", "instruction sets ", "QUICK LOOK", "TokenStreamBenchmark.publish", "ns/op");
        assertThat(Files.readString(json)).contains("\"bytesPerOperation\"", "\"conditions\"", "\"java flags\"");
        assertThat(Files.readString(html)).contains("<svg", "TokenStreamBenchmark");
    }

    @Test
    void thePartsThatMustBeMeasuredAreThere() {
        assertThat(run("--list")).isZero();
        assertThat(commands.out())
                .contains("RingHandOff", "RingLatency", "PlanApplyStep", "BlockBenchmark.allocateAndFree")
                .contains("BlockBenchmark.lookUp", "AdmissionBenchmark", "FairQueueBenchmark", "TokenStreamBenchmark")
                .contains("SseBenchmark", "RequestParse", "TextBenchmark.detokenise", "GrammarMask", "SamplerBenchmark")
                .contains("KernelBenchmark", "MachineBenchmark");
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThat(run("NoSuchThing")).isEqualTo(2);
        assertThat(commands.err()).contains("no benchmark matches NoSuchThing; --list names them");
        assertThat(run("Ring(")).isEqualTo(2);
        assertThat(commands.err()).contains("no regular expression");
        assertThat(run("Ring", "--forks", "0")).isEqualTo(2);
        assertThat(commands.err()).contains("--forks must be at least 1, got 0");
    }

    private int run(String... arguments) {
        return commands.run(
                Stream.concat(Stream.of("bench", "jmh"), Stream.of(arguments)).toArray(String[]::new));
    }
}

package io.sluice.benchmarks.micro;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.benchmarks.MeasureCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class JmhCommandTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void aBenchmarkIsMeasuredAndReportedWithItsConditions() throws IOException {
        Path json = folder.resolve("jmh.json");
        Path html = folder.resolve("jmh.html");
        assertThat(run("TokenStreamBenchmark.publish", "--quick", "--json", json.toString(), "--html", html.toString()))
                .as(err.toString())
                .isZero();
        assertThat(out.toString())
                .contains("commit ", "instruction sets ", "QUICK LOOK", "TokenStreamBenchmark.publish", "ns/op");
        assertThat(Files.readString(json)).contains("\"bytesPerOperation\"", "\"conditions\"", "\"java flags\"");
        assertThat(Files.readString(html)).contains("<svg", "TokenStreamBenchmark");
    }

    @Test
    void thePartsThatMustBeMeasuredAreThere() {
        assertThat(run("--list")).isZero();
        assertThat(out.toString())
                .contains("RingHandOff", "RingLatency", "PlanApplyStep", "BlockBenchmark.allocateAndFree")
                .contains("BlockBenchmark.lookUp", "AdmissionBenchmark", "FairQueueBenchmark", "TokenStreamBenchmark")
                .contains("SseBenchmark", "RequestParse", "TextBenchmark.detokenise", "GrammarMask", "SamplerBenchmark")
                .contains("KernelBenchmark", "MachineBenchmark");
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThat(run("NoSuchThing")).isEqualTo(2);
        assertThat(err.toString()).contains("no benchmark matches NoSuchThing; --list names them");
        assertThat(run("Ring(")).isEqualTo(2);
        assertThat(err.toString()).contains("no regular expression");
        assertThat(run("Ring", "--forks", "0")).isEqualTo(2);
        assertThat(err.toString()).contains("--forks must be at least 1, got 0");
    }

    private int run(String... arguments) {
        CommandLine commands = MeasureCommand.commandLine();
        commands.setOut(new PrintWriter(out, true));
        commands.setErr(new PrintWriter(err, true));
        String[] all = new String[arguments.length + 2];
        all[0] = "bench";
        all[1] = "jmh";
        System.arraycopy(arguments, 0, all, 2, arguments.length);
        return commands.execute(all);
    }
}

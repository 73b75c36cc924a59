package io.sluice.benchmarks.traffic;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// Replays every trace of a folder under all policies and loads, and writes the report. Main thread.
@Command(
        name = "report",
        description = {
            "Replays all traces of a folder at 0.7x, 1x, 2x and 4x of capacity under all policies, and writes"
                    + " traffic-simulation.md and traffic-simulation.json.",
            "The same inputs give the same bytes. Takes minutes; --span shortens it."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class SimulateReportCommand implements Callable<Integer> {
    private static final String NAME = "traffic-simulation";
    private static final int FAILED = 1;

    @Option(names = "--traces", required = true, paramLabel = "DIR", description = "Where the traces are.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private Path traces;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where the report goes.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private Path out;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private SimulateOptions options;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description =
                    "Replays at the same time; changes nothing but how long it takes. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        var arguments = new SimulateArguments(spec.commandLine());
        Setup setup = options.setup(arguments);
        int threadCount = (int) arguments.positive("--threads", threads);
        List<Trace> read = arguments.traces(traces).stream()
                .map(trace -> options.shortened(trace, arguments))
                .toList();
        Files.createDirectories(out);
        Study study;
        try (var pool = new ReplayPool(threadCount)) {
            study = Study.of(setup, read, pool, this::say);
        } catch (BrokenTrace e) {
            say("error: " + e.getMessage());
            return FAILED;
        }
        Files.writeString(out.resolve(NAME + ".md"), ReportMarkdown.of(study));
        Files.writeString(out.resolve(NAME + ".json"), ReportJson.of(study));
        say("written: " + out.resolve(NAME + ".md"));
        return 0;
    }

    private void say(String line) {
        PrintWriter err = spec.commandLine().getErr();
        err.println(line);
        err.flush();
    }
}

package io.sluice.benchmarks.micro;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.ReportFiles;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.BenchmarkListEntry;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormat;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Runs the JMH suite, or what of it a pattern matches, and prints its figures. Main thread.
@Command(
        name = "jmh",
        description = {
            "Measures the parts of the server, each in fresh processes that warm up first, and what each allocates.",
            "Close everything else: the suite assumes that each of its threads has a core. All of it takes an hour."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  sluice bench jmh --list",
            "  sluice bench jmh PlanApplyStep",
            "  sluice bench jmh 'Machine|Kernel' --html kernels.html",
            "  sluice bench jmh 'Block|FairQueue' --quick --json quick.json"
        })
public final class JmhCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Parameters(
            arity = "0..1",
            paramLabel = "PATTERN",
            defaultValue = ".*",
            description = "A regular expression that names are searched for. Default: all.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String pattern;

    @Option(names = "--list", description = "Only say which benchmarks there are.")
    private boolean list;

    @Option(names = "--forks", paramLabel = "N", description = "Processes for each. Default: each benchmark's own, 2.")
    private @Nullable Integer forks;

    @Option(names = "--warm-ups", paramLabel = "N", description = "Iterations before it counts. Default: its own, 2-4.")
    private @Nullable Integer warmUps;

    @Option(names = "--iterations", paramLabel = "N", description = "Iterations that count. Default: its own, 5.")
    private @Nullable Integer iterations;

    @Option(names = "--seconds", paramLabel = "N", description = "Of each iteration. Default: its own, 1 or 2.")
    private @Nullable Integer seconds;

    @Option(
            names = "--parameter",
            paramLabel = "NAME=VALUE",
            description = "Only this value of a parameter, such as running=256.")
    private Map<String, String> parameters = Map.of();

    @Option(names = "--quick", description = "A quick look and no measurement: 1 fork, 2 + 2 iterations of 1 second.")
    private boolean quick;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ReportFiles files;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        require("--forks", forks);
        require("--warm-ups", warmUps);
        require("--iterations", iterations);
        require("--seconds", seconds);
        if (matching() == 0) throw wrong("no benchmark matches " + pattern + "; --list names them");
        if (list) return 0;
        Map<String, String> values = Conditions.here();
        values.put("pattern", pattern);
        values.put(
                "how",
                quick
                        ? "QUICK LOOK: 1 fork, 2 warm-ups, 2 iterations of 1 s"
                        : "forks, warm-ups and times as declared");
        if (forks != null) values.put("forks", forks.toString());
        if (warmUps != null) values.put("warm-ups", warmUps.toString());
        if (iterations != null) values.put("iterations", iterations.toString());
        if (seconds != null) values.put("seconds", seconds.toString());
        parameters.forEach((name, value) -> values.put("only " + name, value));
        try {
            // What JMH says while it runs is progress; our output is what came of it.
            OutputFormat progress = OutputFormatFactory.createFormatInstance(System.err, VerboseMode.NORMAL);
            Collection<RunResult> results = new Runner(options(), progress).run();
            values.put("load after", "%.2f processes ready to run".formatted(Conditions.load()));
            report(new JmhFigures(new Conditions(values), JmhFigure.of(results)));
            return 0;
        } catch (RunnerException e) {
            spec.commandLine().getErr().println("error: " + e.getMessage());
            return FAILED;
        }
    }

    private void report(JmhFigures figures) throws IOException {
        spec.commandLine().getOut().print(figures.text());
        spec.commandLine().getOut().flush();
        files.write(figures::json, figures::html);
    }

    /// Counts what the pattern matches, and names it if that was asked for.
    private int matching() {
        Pattern wanted;
        try {
            wanted = Pattern.compile(pattern);
        } catch (PatternSyntaxException e) {
            throw wrong("the pattern is no regular expression: " + e.getDescription());
        }
        int count = 0;
        for (BenchmarkListEntry entry : BenchmarkList.defaultList()
                .getAll(OutputFormatFactory.createFormatInstance(System.err, VerboseMode.SILENT), List.of())) {
            if (!wanted.matcher(entry.getUsername()).find()) continue;
            count++;
            if (list) spec.commandLine().getOut().println(entry.getUsername());
        }
        spec.commandLine().getOut().flush();
        return count;
    }

    private Options options() {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(pattern)
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .shouldDoGC(true);
        if (quick) {
            options.forks(1)
                    .warmupIterations(2)
                    .measurementIterations(2)
                    .warmupTime(TimeValue.seconds(1))
                    .measurementTime(TimeValue.seconds(1));
        }
        if (forks != null) options.forks(forks);
        if (warmUps != null) options.warmupIterations(warmUps);
        if (iterations != null) options.measurementIterations(iterations);
        if (seconds != null) {
            options.warmupTime(TimeValue.seconds(seconds)).measurementTime(TimeValue.seconds(seconds));
        }
        parameters.forEach(options::param);
        return options.build();
    }

    private void require(String option, @Nullable Integer value) {
        if (value != null && value < 1) throw wrong(option + " must be at least 1, got " + value);
    }

    private ParameterException wrong(String problem) {
        return new ParameterException(spec.commandLine(), problem);
    }
}

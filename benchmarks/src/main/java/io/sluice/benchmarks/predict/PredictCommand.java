package io.sluice.benchmarks.predict;

import io.sluice.benchmarks.frontend.ServerProcess;
import io.sluice.benchmarks.load.ObservedRun;
import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.HtmlReport;
import io.sluice.benchmarks.report.Plot;
import io.sluice.benchmarks.report.ReportFiles;
import io.sluice.benchmarks.traffic.JsonWriter;
import io.sluice.benchmarks.traffic.Observed;
import io.sluice.benchmarks.traffic.Prediction;
import io.sluice.benchmarks.traffic.Trace;
import io.sluice.benchmarks.traffic.TraceRow;
import io.sluice.server.SluiceCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Calibrates the simulator with one run of the real server and compares what it says of other workloads
/// with what they then really get. Main thread.
@Command(
        name = "predict",
        description = {
            "Starts the real server, calibrates the simulator with one workload's step log, predicts other workloads, runs"
                    + " them, and compares: time to the first token, output tokens per second.",
            "Exit code 1: TTFT or throughput of a workload is off by more than --within."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {"", "Example:", "  sluice bench predict --html prediction.html"})
public final class PredictCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            defaultValue = "sluice-demo",
            description = "What the server loads. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String model;

    @Option(
            names = "--within",
            paramLabel = "PART",
            defaultValue = "0.15",
            description = "How far off a prediction may be. Default: ${DEFAULT-VALUE}.")
    private double within;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "3",
            description = "Each workload is run so often, in turn, and the calibration again before each; medians"
                    + " count. Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ReportFiles files;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    /// What is sent. A value.
    ///
    /// @param perSecond requests, at random moments
    private record Load(
            String name, int requests, double perSecond, int promptFrom, int promptTo, int outputFrom, int outputTo) {
        Trace trace(long seed) {
            var random = new SplittableRandom(seed);
            List<TraceRow> rows = new ArrayList<>();
            double atNs = 0;
            for (int i = 0; i < requests; i++) {
                rows.add(new TraceRow(
                        (long) atNs,
                        random.nextInt(promptFrom, promptTo + 1),
                        random.nextInt(outputFrom, outputTo + 1),
                        List.of()));
                atNs += -Math.log(1 - random.nextDouble()) * 1e9 / perSecond;
            }
            return new Trace(name, name, rows);
        }
    }

    /// Both prompts and outputs of all lengths, from nearly idle to busy.
    private static final Load CALIBRATION = new Load("calibration", 250, 20, 5, 250, 5, 120);

    private static final Load WARM_UP = new Load("warm-up", 150, 8, 5, 250, 5, 120);
    private static final Load IDLE = new Load("idle", 40, 8, 20, 120, 10, 40);
    private static final Load BURST = new Load("burst", 64, 4000, 10, 40, 20, 40);

    /// None of them is what was calibrated with.
    private static final List<Load> LOADS = List.of(
            new Load("short questions, long answers", 120, 15, 10, 30, 100, 200),
            new Load("long prompts, short answers", 200, 25, 200, 350, 8, 24),
            new Load("a crowd at once", 128, 2000, 60, 120, 60, 100));

    /// One prediction and what came of it. A value.
    private record Compared(String name, int round, Prediction.Figures predicted, Prediction.Figures real) {}

    @Override
    public Integer call() throws InterruptedException {
        if (!(within > 0 && within <= 1)) throw wrong("--within must be more than 0 and at most 1, got " + within);
        if (rounds < 1) throw wrong("--rounds must be at least 1, got " + rounds);
        Map<String, String> conditions = Conditions.here();
        conditions.put("model", model);
        conditions.put("calibrated with", CALIBRATION + ", " + IDLE + ", " + BURST);
        try {
            List<Compared> all = new ArrayList<>();
            for (int round = 0; round < rounds; round++) all.addAll(round(round, conditions));
            conditions.put("load after", "%.2f processes ready to run".formatted(Conditions.load()));
            return report(new Conditions(conditions), all);
        } catch (IOException e) {
            say("error: " + e.getMessage());
            return FAILED;
        }
    }

    private List<Compared> round(int round, Map<String, String> conditions) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("sluice-predict");
        Path stepLog = folder.resolve("steps.csv");
        List<List<Observed>> runs = new ArrayList<>();
        List<Observed> idle;
        List<Observed> crowd;
        try (ServerProcess server = start(folder, stepLog)) {
            say("round %d: warming up".formatted(round + 1));
            ObservedRun.of(server.url(), WARM_UP.trace(seed + 1000), seed);
            ObservedRun.of(server.url(), BURST.trace(seed + 1001), seed);
            say("round %d: calibrating".formatted(round + 1));
            long before = Files.size(stepLog);
            ObservedRun.of(server.url(), CALIBRATION.trace(seed + round), seed + round);
            idle = ObservedRun.of(server.url(), IDLE.trace(seed + 10 + round), seed + 10 + round);
            crowd = ObservedRun.of(server.url(), BURST.trace(seed + 20 + round), seed + 20 + round);
            Thread.sleep(1500); // the log is flushed once a second
            keepFrom(stepLog, before, folder.resolve("calibration.csv"));
            for (Load load : LOADS) {
                say("round %d: %s".formatted(round + 1, load.name()));
                runs.add(ObservedRun.of(server.url(), load.trace(seed + 100 + round), seed + 100 + round));
            }
        }
        Prediction prediction = Prediction.learned(folder.resolve("calibration.csv"), idle, crowd);
        conditions.put("calibration " + (round + 1), prediction.words());
        List<Compared> compared = new ArrayList<>();
        for (int i = 0; i < LOADS.size(); i++) {
            List<Observed> real = runs.get(i);
            compared.add(new Compared(
                    LOADS.get(i).name(),
                    round,
                    Prediction.Figures.of(prediction.of(real)),
                    Prediction.Figures.of(real)));
        }
        return compared;
    }

    /// The head, and the lines of steps that came after the warm-up.
    private static void keepFrom(Path log, long offset, Path to) throws IOException {
        String whole = Files.readString(log);
        int from = whole.indexOf('\n', (int) offset) + 1;
        int head = 0;
        for (int i = 0; i < 3; i++) head = whole.indexOf('\n', head) + 1;
        int end = whole.lastIndexOf('\n') + 1;
        Files.writeString(to, whole.substring(0, head) + whole.substring(Math.max(head, from), end));
    }

    private ServerProcess start(Path folder, Path stepLog) throws IOException, InterruptedException {
        return ServerProcess.start(new ServerProcess.Plan(
                "",
                List.of(),
                SluiceCommand.class.getName(),
                List.of("serve", "--model", model, "--step-log", stepLog.toString(), "--max-waiting-requests", "1000"),
                folder.resolve("server.log")));
    }

    private int report(Conditions conditions, List<Compared> all) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        conditions.values().forEach((name, value) -> out.printf("%-18s %s%n", name, value));
        out.println();
        List<List<String>> rows = new ArrayList<>();
        boolean isClose = true;
        for (Load load : LOADS) {
            List<Compared> its =
                    all.stream().filter(it -> it.name().equals(load.name())).toList();
            double first = ratio(its, Prediction.Figures::firstTokenNs);
            double tokens = ratio(its, Prediction.Figures::tokensPerSecond);
            isClose &= Math.abs(first - 1) <= within && Math.abs(tokens - 1) <= within;
            rows.add(row(its, "TTFT p50, ms", 1e6, Prediction.Figures::firstTokenNs));
            rows.add(row(its, "output tokens per s", 1, Prediction.Figures::tokensPerSecond));
        }
        for (List<String> row : rows) out.printf("%-32s %-22s %10s %10s %8s  %s%n", row.toArray());
        out.println(
                isClose
                        ? "All predictions of TTFT and throughput are within " + within * 100 + " %."
                        : "NOT ALL predictions of TTFT and throughput are within " + within * 100 + " %.");
        out.flush();
        files.write(
                () -> json(conditions, all), () -> html(conditions, rows, all).page());
        return isClose ? 0 : FAILED;
    }

    /// Predicted over real, the median of the rounds.
    private static double ratio(List<Compared> its, ToDoubleFunction<Prediction.Figures> figure) {
        double[] ratios = its.stream()
                .mapToDouble(it -> figure.applyAsDouble(it.predicted()) / figure.applyAsDouble(it.real()))
                .sorted()
                .toArray();
        return ratios[ratios.length / 2];
    }

    private static List<String> row(
            List<Compared> its, String name, double unit, ToDoubleFunction<Prediction.Figures> figure) {
        double[] ratios = its.stream()
                .mapToDouble(it -> figure.applyAsDouble(it.predicted()) / figure.applyAsDouble(it.real()))
                .sorted()
                .toArray();
        double[] predicted = its.stream()
                .mapToDouble(it -> figure.applyAsDouble(it.predicted()) / unit)
                .sorted()
                .toArray();
        double[] real = its.stream()
                .mapToDouble(it -> figure.applyAsDouble(it.real()) / unit)
                .sorted()
                .toArray();
        return List.of(
                its.getFirst().name(),
                name,
                "%.1f".formatted(predicted[predicted.length / 2]),
                "%.1f".formatted(real[real.length / 2]),
                "%.2f".formatted(ratios[ratios.length / 2]),
                "(%.2f – %.2f)".formatted(ratios[0], ratios[ratios.length - 1]));
    }

    private static String json(Conditions conditions, List<Compared> all) {
        var writer = new JsonWriter();
        return writer.object(() -> {
                    writer.object("conditions", () -> conditions.values().forEach(writer::field));
                    writer.array("compared", () -> {
                        for (Compared it : all) {
                            writer.object(() -> {
                                writer.field("workload", it.name()).field("round", it.round());
                                writer.object("predicted", () -> figures(writer, it.predicted()));
                                writer.object("real", () -> figures(writer, it.real()));
                            });
                        }
                    });
                })
                .finish();
    }

    private static void figures(JsonWriter writer, Prediction.Figures figures) {
        writer.field("ttftMs", figures.firstTokenNs() / 1e6)
                .field("wholeAnswerMs", figures.wholeAnswerNs() / 1e6)
                .field("outputTokensPerSecond", figures.tokensPerSecond());
    }

    private static HtmlReport html(Conditions conditions, List<List<String>> rows, List<Compared> all) {
        List<Plot.Bar> bars = new ArrayList<>();
        for (Load load : LOADS) {
            List<Compared> its =
                    all.stream().filter(it -> it.name().equals(load.name())).toList();
            bars.add(new Plot.Bar(load.name() + ": TTFT", ratio(its, Prediction.Figures::firstTokenNs), 0));
            bars.add(new Plot.Bar(load.name() + ": throughput", ratio(its, Prediction.Figures::tokensPerSecond), 0));
        }
        return new HtmlReport("Sluice: the simulator against the real server", conditions)
                .table(List.of("workload", "figure", "predicted", "real", "ratio", "least – most"), rows)
                .plot(Plot.bars("Predicted over real", "ratio", bars));
    }

    private void say(String line) {
        spec.commandLine().getErr().println(line);
        spec.commandLine().getErr().flush();
    }

    private ParameterException wrong(String problem) {
        return new ParameterException(spec.commandLine(), problem);
    }
}

package io.sluice.benchmarks.load;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.ReportFiles;
import io.sluice.benchmarks.traffic.Slo;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Finds the highest rate at which a running server keeps a promise, and prints what to set. Main thread.
@Command(
        name = "capacity",
        description = {
            "Finds the highest rate of requests that a running server serves as promised, by trials at higher and"
                    + " lower rates, and prints what to set: the class, quotas, and the target of an autoscaler.",
            "Requests come at random moments; a refused request is not served as promised."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Example:",
            "  sluice bench capacity --url http://127.0.0.1:8000 --slo ttft=500ms,itl=50ms --prompt-tokens 200-800"
        })
final class CapacityCommand implements Callable<Integer> {
    private static final int FAILED = 1;
    private static final double RATE_MAX = 100_000;
    private static final double RATE_MIN = 0.01;

    @Option(
            names = "--url",
            paramLabel = "URL",
            defaultValue = "http://127.0.0.1:8000",
            description = "The server. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String url;

    @Option(names = "--model", paramLabel = "NAME", defaultValue = "", description = "Default: the first it names.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String model;

    @Option(
            names = "--slo",
            paramLabel = "SLO",
            defaultValue = "ttft=500ms,itl=50ms",
            description = "The promise: time to the first token, mean time of each further one. Default:"
                    + " ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String slo;

    @Option(
            names = "--class",
            paramLabel = "NAME",
            defaultValue = "interactive",
            description = "The class that it is promised to. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String className;

    @Option(
            names = "--attain",
            paramLabel = "PART",
            defaultValue = "0.95",
            description = "The part of requests that must be served as promised. Default: ${DEFAULT-VALUE}.")
    private double attained;

    @Option(
            names = "--trial",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "How long each rate is tried, after a fifth of that to get going. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String trial;

    @Option(
            names = "--start",
            paramLabel = "RATE",
            defaultValue = "1",
            description = "The first rate, in requests per second. Default: ${DEFAULT-VALUE}.")
    private double start;

    @Option(
            names = "--max-rate",
            paramLabel = "RATE",
            defaultValue = "100000",
            description = "Requests per second that are not exceeded. Default: ${DEFAULT-VALUE}.")
    private double maxRate;

    @Option(
            names = "--precision",
            paramLabel = "FACTOR",
            defaultValue = "1.1",
            description = "The search ends when a rate that holds and one that does not are so close. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double precision;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ShapeOptions options;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ReportFiles files;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private final List<CapacityResult.Trial> trials = new ArrayList<>();

    @Override
    public Integer call() {
        if (!(attained > 0 && attained <= 1))
            throw wrong("--attain must be more than 0 and at most 1, got " + attained);
        if (!(precision >= 1.01 && precision <= 2))
            throw wrong("--precision must be between 1.01 and 2, got " + precision);
        if (!(maxRate >= RATE_MIN && maxRate <= RATE_MAX))
            throw wrong("--max-rate must be between 0.01 and 100000, got " + maxRate);
        if (!(start >= RATE_MIN && start <= maxRate))
            throw wrong("--start must be between 0.01 and --max-rate, got " + start);
        Slo.Stream promise = promise();
        Duration span = SpanOption.parse(spec, "--trial", trial);
        if (span.isZero()) throw wrong("--trial must be more than nothing");
        ShapeOptions.Shape shape = options.shape(spec);
        Target target = target();
        Map<String, String> conditions = Conditions.here();
        try (var server = new MeasuredServer(target, shape, options.keyring(promise, className), model)) {
            SelfWarmUp.run(shape.endpoint());
            conditions.put("server", target.toString());
            conditions.put("model", server.model());
            conditions.put("promise", promise + " for " + attained * 100 + " % of requests of class " + className);
            conditions.put("trials", trial + " each, Poisson arrivals, until within " + precision + "x");
            shape.describe(conditions);
            search(server, span, shape.seed());
            conditions.put("load after", "%.2f processes ready to run".formatted(Conditions.load()));
            return report(new CapacityResult(new Conditions(conditions), className, promise, attained, trials));
        } catch (IOException e) {
            say("error: " + e.getMessage());
            return FAILED;
        }
    }

    /// Doubles while it holds, halves while it does not, then narrows what lies between.
    private void search(MeasuredServer server, Duration span, long seed) {
        double low = 0;
        double high = Double.POSITIVE_INFINITY;
        double rate = start;
        while (rate >= RATE_MIN && rate <= maxRate) {
            if (attempt(server, rate, span, seed)) low = rate;
            else high = rate;
            if (low > 0 && high / low <= precision) return;
            if (high == Double.POSITIVE_INFINITY) rate = low * 2;
            else rate = low == 0 ? high / 2 : Math.sqrt(low * high);
        }
    }

    private boolean attempt(MeasuredServer server, double rate, Duration span, long seed) {
        LoadStats.Snapshot measured = server.open(rate, span.dividedBy(5), span, seed + trials.size());
        int sent = measured.all().sent();
        boolean holds = sent > 0 && measured.all().good() >= attained * sent; // of nothing, nothing is known
        trials.add(new CapacityResult.Trial(rate, holds, measured));
        say("%.3g requests/s: %d sent, %d as promised: %s"
                .formatted(rate, sent, measured.all().good(), holds ? "holds" : "does not hold"));
        return holds;
    }

    private int report(CapacityResult result) throws IOException {
        spec.commandLine().getOut().print(result.text());
        spec.commandLine().getOut().flush();
        files.write(result::json, result::html);
        return result.best().isPresent() ? 0 : FAILED;
    }

    private Slo.Stream promise() {
        String problem = "--slo must be like ttft=500ms,itl=50ms, got \"" + slo + "\"";
        try {
            if (SloOption.of(className + ":" + slo).slo() instanceof Slo.Stream promised) return promised;
        } catch (IllegalArgumentException e) {
            throw wrong(problem);
        }
        throw wrong(problem);
    }

    private Target target() {
        try {
            return Target.of(url);
        } catch (IllegalArgumentException e) {
            throw wrong("--url " + e.getMessage());
        }
    }

    private void say(String line) {
        spec.commandLine().getErr().println(line);
        spec.commandLine().getErr().flush();
    }

    private ParameterException wrong(String problem) {
        return new ParameterException(spec.commandLine(), problem);
    }
}

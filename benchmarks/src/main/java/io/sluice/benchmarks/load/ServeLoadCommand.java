package io.sluice.benchmarks.load;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.ReportFiles;
import io.sluice.benchmarks.traffic.BrokenTrace;
import io.sluice.benchmarks.traffic.Slo;
import io.sluice.benchmarks.traffic.Trace;
import io.sluice.benchmarks.traffic.TraceFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Puts a running server under load and prints what its clients got. Main thread.
@Command(
        name = "serve",
        description = {
            "Puts a server that speaks OpenAI's API under load and measures what its clients get.",
            "Open loop (--rate, or --trace): requests are sent at their moments, whatever the answers do, and all times"
                    + " count from the moment at which a request was meant to be sent. Closed loop (--concurrency): so"
                    + " many requests are always under way."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  sluice bench serve --url http://127.0.0.1:8000 --rate 4 --duration 60s",
            "  sluice bench serve --url http://127.0.0.1:8000 --concurrency 32 --requests 1000 --output-tokens 256",
            "  sluice bench serve --url http://127.0.0.1:8000 --trace azure.csv --speed 0.5 --keys tenants.txt",
            "  sluice bench serve --url https://example.com/v1 --rate 2 --burstiness 0.3 --retry-after obey"
        })
final class ServeLoadCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    /// How long requests that are under way may take when the run is interrupted.
    private static final Duration INTERRUPTED_MAX = Duration.ofSeconds(30);

    @Option(names = "--url", required = true, paramLabel = "URL", description = "The server, with or without /v1.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String url;

    @Option(names = "--model", paramLabel = "NAME", description = "Default: the first that the server names.")
    private @Nullable String model;

    @Option(names = "--rate", paramLabel = "N", description = "Open loop: requests per second, at random moments.")
    private @Nullable Double rate;

    @Option(
            names = "--burstiness",
            paramLabel = "SHAPE",
            defaultValue = "1",
            description =
                    "Shape of the gamma distribution of the times between requests: 1 is a Poisson process, 0.2 comes"
                            + " in bursts, 10 evenly. Default: ${DEFAULT-VALUE}.")
    private double burstiness;

    @Option(names = "--trace", paramLabel = "FILE", description = "Open loop: an Azure CSV or a Mooncake JSONL file.")
    private @Nullable Path trace;

    @Option(
            names = "--speed",
            paramLabel = "FACTOR",
            defaultValue = "1",
            description = "Times the rate at which the trace was recorded. Default: ${DEFAULT-VALUE}.")
    private double speed;

    @Option(names = "--concurrency", paramLabel = "N", description = "Closed loop: requests that are always under way.")
    private @Nullable Integer concurrency;

    @Option(names = "--requests", paramLabel = "N", defaultValue = "1000000", description = "The most requests.")
    private int requests;

    @Option(
            names = "--duration",
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "Nothing is sent after it. Default: ${DEFAULT-VALUE}, or the whole trace.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String duration;

    @Option(
            names = "--warm-up",
            paramLabel = "TIME",
            defaultValue = "0s",
            description = "Requests of this first time are sent but not counted. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String warmUp;

    @Option(
            names = "--keys",
            paramLabel = "FILE",
            description = "Tenants to send for, a line each: name, key, class. The first sends most.")
    private @Nullable Path keys;

    @Option(
            names = "--zipf",
            paramLabel = "S",
            defaultValue = "1.1",
            description = "Tenant k sends in proportion to 1 / k^S; 0 is all alike. Default: ${DEFAULT-VALUE}.")
    private double zipf;

    @Option(
            names = "--slo",
            paramLabel = "CLASS:SLO",
            description =
                    "When an answer counts as good, such as interactive:ttft=500ms,itl=50ms or batch:e2e=60s (for each"
                            + " 1,000 output tokens begun). May be given several times. Requests without keys are standard.")
    private List<String> slos = List.of();

    @Option(
            names = "--retry-after",
            paramLabel = "WHAT",
            defaultValue = "ignore",
            description = "What refused clients do: ignore it and give up, or obey. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String retryAfter;

    @Option(
            names = "--patience",
            paramLabel = "TIME",
            defaultValue = "2m",
            description = "The longest time after which obedient clients come back. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String patience;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ShapeOptions options;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ReportFiles files;

    @Option(
            names = "--model-file",
            paramLabel = "FILE",
            description = "The weights that the server serves, whose SHA-256 goes into the conditions.")
    private @Nullable Path modelFile;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private final CountDownLatch reported = new CountDownLatch(1);

    @Override
    public Integer call() throws IOException {
        Target target = parsed("--url", url, Target::of);
        Keyring keyring = keyring();
        ShapeOptions.Shape shape = options.shape(spec);
        Asks asks = asks(keyring, shape);
        Patience clients = patience();
        Duration limit = limit();
        var stats = new LoadStats(SpanOption.parse(spec, "--warm-up", warmUp));
        try (var pool = new ConnectionPool(target, shape.silenceMax())) {
            String name = model != null ? model : ModelNames.first(pool, target, keyring.first());
            SelfWarmUp.run(shape.endpoint());
            var writer = new RequestWriter(target, shape.endpoint(), name, shape.ignoreEnd());
            var run = new LoadRun(new LoadClient(pool, writer, clients, stats.tokensSeen()), asks, stats, limit);
            try (var _ = new ProgressLine(stats, spec.commandLine().getErr(), isTerminal()).start()) {
                measure(run);
            }
            report(new Conditions(conditions(target, name, keyring, shape)), stats.snapshot());
            reported.countDown();
            return stats.snapshot().all().answered() > 0 ? 0 : FAILED;
        } catch (IOException e) {
            spec.commandLine().getErr().println("error: " + e.getMessage());
            return FAILED;
        }
    }

    private void measure(LoadRun run) {
        // Ctrl-C ends the sending; what was measured is still reported.
        Thread interrupted = new Thread(() -> {
            run.stop();
            try {
                var _ = reported.await(INTERRUPTED_MAX.toSeconds(), TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(interrupted);
        try {
            if (concurrency != null) run.runClosed(concurrency);
            else run.runOpen();
        } finally {
            removeHook(interrupted);
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // Ctrl-C was pressed: the hook waits for us.
        }
    }

    @SuppressWarnings("SystemConsoleNull") // it may still be null where there is no console at all
    private static boolean isTerminal() {
        return System.console() != null && System.console().isTerminal();
    }

    private void report(Conditions conditions, LoadStats.Snapshot measured) throws IOException {
        spec.commandLine().getOut().print(LoadText.of(conditions, measured));
        spec.commandLine().getOut().flush();
        files.write(() -> LoadJson.of(conditions, measured), () -> LoadHtml.of(conditions, measured));
    }

    private Map<String, String> conditions(Target target, String name, Keyring keyring, ShapeOptions.Shape shape)
            throws IOException {
        Map<String, String> values = Conditions.here();
        values.put("server", target.toString());
        values.put("model", name);
        if (modelFile != null) values.put("model hash", "SHA-256 " + FileHash.of(modelFile));
        if (trace != null) {
            Trace read = TraceFile.read(trace);
            values.put("load", "trace " + read.name() + " (SHA-256 " + read.sha256() + ") at " + speed + "x");
            shape.describeAsking(values);
        } else {
            values.put(
                    "load",
                    concurrency != null
                            ? "closed loop of " + concurrency
                            : rate + " requests per second, burstiness " + burstiness);
            shape.describe(values);
        }
        values.put("tenants", keyring.size() + ", Zipf " + zipf);
        values.put("Retry-After", retryAfter);
        return values;
    }

    private Asks asks(Keyring keyring, ShapeOptions.Shape shape) {
        int ways = (rate != null ? 1 : 0) + (trace != null ? 1 : 0) + (concurrency != null ? 1 : 0);
        if (ways != 1) throw wrong("give one of --rate, --trace and --concurrency");
        if (requests < 1) throw wrong("--requests must be at least 1, got " + requests);
        if (trace != null) return Asks.replayed(shape.seed(), keyring, readTrace(trace, shape.seed()));
        if (concurrency != null) {
            if (concurrency < 1 || concurrency > LoadRun.OUTSTANDING_MAX) {
                throw wrong("--concurrency must be between 1 and " + LoadRun.OUTSTANDING_MAX + ", got " + concurrency);
            }
            return Asks.closed(shape.seed(), keyring, shape.prompt(), shape.output(), requests);
        }
        var gaps = new ArrivalGaps(positive("--rate", rate), positive("--burstiness", burstiness));
        return Asks.open(shape.seed(), keyring, gaps, shape.prompt(), shape.output(), requests);
    }

    private Trace readTrace(Path file, long seed) {
        if (!Files.isRegularFile(file)) throw wrong("there is no file " + file);
        try {
            Trace read = TraceFile.read(file).spread(seed);
            return read.atRate(read.rate() * positive("--speed", speed));
        } catch (BrokenTrace | IOException e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
    }

    /// The whole trace, unless something else was said.
    private Duration limit() {
        boolean said = spec.commandLine().getParseResult().hasMatchedOption("--duration");
        return trace != null && !said ? Duration.ofDays(365) : SpanOption.parse(spec, "--duration", duration);
    }

    private Keyring keyring() {
        Map<String, Slo> promises = new TreeMap<>(Keyring.promises());
        for (String text : slos) {
            SloOption option = parsed("--slo", text, SloOption::of);
            promises.put(option.className(), option.slo());
        }
        if (!(zipf >= 0 && zipf <= 10)) throw wrong("--zipf must be between 0 and 10, got " + zipf);
        if (keys != null && options.hasKey()) throw wrong("give --key for one tenant or --keys for several, not both");
        if (keys == null) {
            return options.keyring(Keyring.everybody(promises).slo(), Keyring.NO_CLASS);
        }
        try {
            return new Keyring(Keyring.read(keys, promises), zipf);
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw wrong("the keys cannot be read: " + e.getMessage());
        }
    }

    private Patience patience() {
        return switch (retryAfter) {
            case "ignore" -> Patience.NONE;
            case "obey" -> new Patience(true, SpanOption.parse(spec, "--patience", patience));
            default -> throw wrong(ShapeOptions.oneOf("--retry-after", retryAfter, List.of("ignore", "obey")));
        };
    }

    private double positive(String option, @Nullable Double value) {
        if (value == null || !(value > 0 && value <= 1e6)) {
            throw wrong(option + " must be more than 0 and at most 1,000,000, got " + value);
        }
        return value;
    }

    @FunctionalInterface
    private interface Parser<T> {
        T parse(String text);
    }

    private <T> T parsed(String option, String text, Parser<T> parser) {
        try {
            return parser.parse(text);
        } catch (IllegalArgumentException e) {
            throw wrong(option + " " + e.getMessage());
        }
    }

    private ParameterException wrong(String problem) {
        return new ParameterException(spec.commandLine(), problem);
    }
}

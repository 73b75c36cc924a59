package io.sluice.benchmarks.frontend;

import com.sun.management.ThreadMXBean;
import io.sluice.benchmarks.load.SpanOption;
import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.ReportFiles;
import io.sluice.benchmarks.traffic.Amounts;
import io.sluice.server.NullModelServer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Measures how many events the real server sends when the model costs nothing, and what its processor time
/// goes to. Main thread.
@Command(
        name = "frontend",
        description = {
            "Starts the real server with a model that computes nothing, keeps many streams open and counts the events"
                    + " that come, the processor time that the server takes for them, and its memory.",
            "Every token is an event of its own, flushed by itself, as long as the server keeps up with the steps."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  sluice bench frontend",
            "  sluice bench frontend --streams 2048 --step 20ms --duration 10m --html frontend.html",
            "  sluice bench frontend --server-cores 0 --client-cores 1 --jfr frontend.jfr"
        })
public final class FrontendCommand implements Callable<Integer> {
    private static final int FAILED = 1;
    private static final int STREAMS_MAX = 20_000;
    private static final int LOOKS = 60;
    private static final Duration BARE = Duration.ofSeconds(5);
    private static final int FIRST_HEAP = 6; // look, a tenth of the time

    /// Less than a tenant's part of the server's queue.
    private static final int OPENED_TOGETHER = 128;

    @Option(names = "--streams", paramLabel = "N", defaultValue = "2048", description = "Default: ${DEFAULT-VALUE}.")
    private int streams;

    @Option(
            names = "--step",
            paramLabel = "TIME",
            defaultValue = "20ms",
            description = "Every so often each stream gets a token. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String step;

    @Option(
            names = "--output-tokens",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Of each answer; whoever has one asks again. Default: ${DEFAULT-VALUE}.")
    private int outputTokens;

    @Option(names = "--duration", paramLabel = "TIME", defaultValue = "60s", description = "Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String duration;

    @Option(names = "--warm-up", paramLabel = "TIME", defaultValue = "20s", description = "Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String warmUp;

    @Option(
            names = "--server-cores",
            paramLabel = "LIST",
            defaultValue = "0",
            description = "Processors of the server, as taskset writes them; all: wherever. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String serverCores;

    @Option(
            names = "--client-cores",
            paramLabel = "LIST",
            description = "Processors of the client. Default: all but the first.")
    private @Nullable String clientCores;

    @Option(
            names = "--heap",
            paramLabel = "SIZE",
            defaultValue = "1g",
            description = "The server's. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String heap;

    @Option(names = "--jfr", paramLabel = "FILE", description = "Keep the server's flight recording.")
    private @Nullable Path jfr;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ReportFiles files;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Override
    public Integer call() throws InterruptedException {
        if (streams < 1 || streams > STREAMS_MAX) {
            throw wrong("--streams must be between 1 and " + STREAMS_MAX + ", got " + streams);
        }
        if (outputTokens < 1 || outputTokens > 4000) {
            throw wrong("--output-tokens must be between 1 and 4000, got " + outputTokens);
        }
        if (!heap.matches("[0-9]{1,6}[mg]")) throw wrong("--heap must be like 512m or 2g, got \"" + heap + "\"");
        Duration stepTime = SpanOption.parse(spec, "--step", step);
        Duration warm = SpanOption.parse(spec, "--warm-up", warmUp);
        Duration measured = SpanOption.parse(spec, "--duration", duration);
        if (measured.isZero()) throw wrong("--duration must be more than nothing");
        try {
            Path folder = Files.createTempDirectory("sluice-frontend");
            FrontendResult result = measure(folder, stepTime, warm, measured);
            spec.commandLine().getOut().print(result.text());
            spec.commandLine().getOut().flush();
            files.write(result::json, result::html);
            return 0;
        } catch (IOException e) {
            say("error: " + e.getMessage());
            return FAILED;
        }
    }

    private FrontendResult measure(Path folder, Duration stepTime, Duration warm, Duration measured)
            throws IOException, InterruptedException {
        Map<String, String> conditions = Conditions.here(); // before this process gets its own processors
        boolean pins = !serverCores.equals("all") && canPin();
        describe(conditions, pins);
        Path recording = jfr != null ? jfr : folder.resolve("server.jfr");
        List<FrontendResult.Look> looks = new ArrayList<>();
        List<Long> heaps = new ArrayList<>();
        say("Measuring what the system alone takes ...");
        double bare = new BareWrites(streams, stepTime, BARE).eventsPerCpuSecond();
        say("Starting the server ...");
        try (ServerProcess server = ServerProcess.start(plan(folder, stepTime, pins));
                var sink = new RawSink(server.port(), "sluice-demo", outputTokens)) {
            say("Opening " + streams + " streams ...");
            sink.openAnswered(streams, OPENED_TOGETHER);
            look(server, sink, warm, 4, new ArrayList<>(), new ArrayList<>());
            look(server, sink, measured, LOOKS, looks, heaps);
            server.dumpRecording(recording);
        }
        conditions.put("load after", "%.2f processes ready to run".formatted(Conditions.load()));
        CpuProfile profile = Files.exists(recording) && Files.size(recording) > 0 ? CpuProfile.of(recording) : null;
        return new FrontendResult(new Conditions(conditions), bare, looks, heaps, profile);
    }

    private ServerProcess.Plan plan(Path folder, Duration stepTime, boolean pins) {
        return new ServerProcess.Plan(
                pins ? serverCores : "",
                List.of(
                        "-Xmx" + heap,
                        "-XX:StartFlightRecording:settings=default,jdk.CPUTimeSample#enabled=true,"
                                + "jdk.CPUTimeSample#throttle=10ms",
                        "-Xlog:jfr*=off",
                        "-Xlog:jfr+startup=off"),
                NullModelServer.class.getName(),
                List.of(
                        Integer.toString(streams),
                        Long.toString(stepTime.toNanos() / 1000),
                        "--max-waiting-requests",
                        Integer.toString(2 * streams + 256)),
                folder.resolve("server.log"));
    }

    /// Looks `count` times within `span`, and early and late at what is live on the heap.
    private void look(
            ServerProcess server,
            RawSink sink,
            Duration span,
            int count,
            List<FrontendResult.Look> looks,
            List<Long> heaps)
            throws IOException, InterruptedException {
        long startNs = System.nanoTime();
        for (int i = 0; i <= count; i++) {
            long leftNs = startNs + span.toNanos() * i / count - System.nanoTime();
            // A look is due at its moment, whatever happens; how long it really took is measured with it.
            if (leftNs > 0) Thread.sleep(Duration.ofNanos(leftNs));
            String failure = sink.failure();
            if (failure != null || !server.isAlive()) throw new IOException("the measurement broke off: " + failure);
            looks.add(new FrontendResult.Look(
                    System.nanoTime() - startNs,
                    sink.counts(),
                    server.cpuNs(),
                    threads.getThreadCpuTime(sink.threadId()),
                    server.residentBytes()));
            boolean isMeasured = count == LOOKS && i > 0;
            // A full collection takes the server's processor: once early, and once when all has been counted.
            if (isMeasured && (i == FIRST_HEAP || i == LOOKS)) {
                long live = server.liveHeapBytes();
                if (live >= 0) heaps.add(live);
            }
            if (isMeasured && i % 10 == 0) progress(looks);
        }
    }

    private void progress(List<FrontendResult.Look> looks) {
        FrontendResult.Look now = looks.getLast();
        FrontendResult.Look before = looks.get(looks.size() - 11);
        double events = now.counts().since(before.counts()).events();
        say("%5.0f s  %s events/s, %s per second and server core"
                .formatted(
                        now.atNs() / 1e9,
                        Amounts.digits(events * 1e9 / (now.atNs() - before.atNs())),
                        Amounts.digits(events * 1e9 / (now.serverCpuNs() - before.serverCpuNs()))));
    }

    /// Puts this process on its own processors, if there are some and the system knows how.
    private boolean canPin() throws IOException, InterruptedException {
        int processors = Runtime.getRuntime().availableProcessors();
        if (processors < 2) return false;
        String cores = clientCores != null ? clientCores : "1-" + (processors - 1);
        try {
            Process pinning = new ProcessBuilder(
                            "taskset",
                            "-a",
                            "-c",
                            "-p",
                            cores,
                            Long.toString(ProcessHandle.current().pid()))
                    .redirectErrorStream(true)
                    .start();
            pinning.getInputStream().readAllBytes();
            return pinning.waitFor() == 0;
        } catch (IOException e) {
            return false; // no taskset here: said in the conditions
        }
    }

    private void describe(Map<String, String> values, boolean pins) {
        values.put("server", "this build, the demo model's tokenizer, a model that computes nothing, heap " + heap);
        values.put(
                "processors", pins ? "server on " + serverCores + ", client on others" : "shared by server and client");
        values.put("streams", Integer.toString(streams));
        values.put("a token every", step + ": " + outputTokens + " tokens for each answer");
    }

    private void say(String line) {
        spec.commandLine().getErr().println(line);
        spec.commandLine().getErr().flush();
    }

    private ParameterException wrong(String problem) {
        return new ParameterException(spec.commandLine(), problem);
    }
}

package io.sluice.benchmarks.traffic;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// Replays one trace and prints what its clients got. Main thread.
@Command(
        name = "simulate",
        description = {
            "Replays a request trace through the production engine, or a plainer policy, on a simulated device.",
            "A device is a cost model and a clock that does not wait: an hour takes seconds, on any machine."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        subcommands = SimulateReportCommand.class,
        footer = {
            "",
            "Examples:",
            "  sluice simulate --trace azure-llm-2023-conv.csv",
            "  sluice simulate --trace azure-llm-2023-conv.csv --load 2 --policy cap:64",
            "  sluice simulate --trace mooncake.jsonl --gpu h200 --model qwen3-8b --rate 1.5 --span 10m --json",
            "  sluice simulate --trace mooncake.jsonl --span 1m --instances 1000 --router cache-aware",
            "  sluice simulate --trace azure.csv --step-log steps.csv --rps 3",
            "  sluice simulate report --traces traces/ --out docs/measurements/"
        })
public final class SimulateCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Option(names = "--trace", paramLabel = "FILE", description = "An Azure CSV or a Mooncake JSONL file.")
    private @Nullable Path trace;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private SimulateOptions options;

    @Option(
            names = "--rate",
            paramLabel = "FACTOR",
            description = "Times the rate at which the trace was recorded. Default: 1.")
    private @Nullable Double rate;

    @Option(
            names = "--load",
            paramLabel = "FACTOR",
            description = "Times the highest rate that the device sustains, which is searched for first.")
    private @Nullable Double load;

    @Option(names = "--rps", paramLabel = "RATE", description = "Requests per second.")
    private @Nullable Double requestsPerSecond;

    @Option(
            names = "--policy",
            paramLabel = "NAME",
            defaultValue = "sluice",
            description = "sluice (the production engine), fcfs (nobody is refused), cap:N (N may wait), reserve:N (the"
                    + " same, with room for the longest output). Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String policy;

    @Option(
            names = "--clients",
            paramLabel = "WHAT",
            defaultValue = "give-up",
            description = "What clients do when they are refused: give-up or obey (come back when they were told to)."
                    + " Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String clients;

    @Option(
            names = "--signals",
            paramLabel = "FILE",
            description =
                    "Replays once more and writes the engine's signals for scaling to FILE, ten rows for each second.")
    private @Nullable Path signals;

    @Option(
            names = "--instances",
            paramLabel = "N",
            defaultValue = "1",
            description =
                    "Servers behind a router, each with the trace's load: N crowds like the trace's, each with its"
                            + " own prompts. At most 1,000. Default: ${DEFAULT-VALUE}.")
    private int instances;

    @Option(
            names = "--router",
            paramLabel = "RULE",
            defaultValue = "cache-aware",
            description = "Which of them a request goes to: cache-aware, least-loaded or round-robin. Default:"
                    + " ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String router;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Instances that are simulated at the same time. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        try {
            return replay();
        } catch (BrokenTrace e) {
            say("error: " + e.getMessage());
            return FAILED;
        }
    }

    private int replay() throws IOException {
        var arguments = new SimulateArguments(spec.commandLine());
        Setup setup = options.setup(arguments);
        Policy followed = arguments.policy(policy);
        Clients behaviour = arguments.clients(clients);
        if (signals != null && !(followed instanceof Policy.Sluice)) {
            throw arguments.wrong("--signals are those of the production engine: leave --policy out");
        }
        Trace read = options.shortened(arguments.trace(trace), arguments);
        double perSecond = requestsPerSecond(arguments, setup, read);
        Router.Rule rule = arguments.router(router);
        int count = arguments.between("--instances", instances, 1, Fleet.INSTANCES_MAX);
        int together = arguments.between("--threads", threads, 1, 1024);
        Workload workload = setup.workload(read.overlaid(count, setup.seed()), perSecond * count);
        Measured measured = count == 1
                ? setup.measure(workload, followed, setup.device().stepTokensMax(), behaviour)
                : new Fleet(setup, count, rule, together).measure(workload, followed, behaviour);
        if (count > 1) say(count + " instances behind a " + rule + " router; what follows is of all of them together");
        spec.commandLine().getOut().print(json ? ReportJson.of(setup, measured) : ReplayText.of(setup, measured));
        spec.commandLine().getOut().flush();
        if (signals != null) writeSignals(signals, new Replay(workload, setup.device(), followed, behaviour));
        return 0;
    }

    private static void writeSignals(Path file, Replay replay) throws IOException {
        SignalLog log = new SignalLog();
        replay.note(log);
        replay.run(TokenListener.NOBODY);
        Files.writeString(file, log.csv());
    }

    private void say(String line) {
        spec.commandLine().getErr().println(line);
        spec.commandLine().getErr().flush();
    }

    private double requestsPerSecond(SimulateArguments arguments, Setup setup, Trace read) {
        arguments.atMostOne("--rate", rate, "--load", load);
        arguments.atMostOne("--rate", rate, "--rps", requestsPerSecond);
        arguments.atMostOne("--load", load, "--rps", requestsPerSecond);
        if (requestsPerSecond != null) return arguments.positive("--rps", requestsPerSecond);
        if (load != null) {
            double factor = arguments.positive("--load", load);
            say("Searching for the highest rate that the device sustains ...");
            CapacitySearch.Capacity capacity = new CapacitySearch(setup, read).find();
            say("It sustains " + Amounts.rate(capacity.requestsPerSecond()) + " requests per second.");
            return factor * capacity.requestsPerSecond();
        }
        return read.rate() * (rate == null ? 1 : arguments.positive("--rate", rate));
    }
}

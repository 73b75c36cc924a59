package io.sluice.benchmarks.load;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.ReportFiles;
import io.sluice.benchmarks.traffic.Promise;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Puts several servers under the same load in turn, round by round, and prints how they compare. Main thread.
@Command(
        name = "compare",
        description = {
            "Sends the same requests to several running servers, one server at a time, in rounds whose order changes,"
                    + " and prints medians, spread, and each server's ratio to the first.",
            "A ratio is taken within each round, so that what the machine does besides meets all of them alike."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Example:",
            "  sluice bench compare --peer sluice=http://127.0.0.1:8000 --peer llama.cpp=http://127.0.0.1:8080"
        })
final class CompareCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Option(
            names = "--peer",
            required = true,
            paramLabel = "NAME=URL",
            description = "A server; given once for each. The first is what the others are compared with.")
    private Map<String, String> peers = new LinkedHashMap<>();

    @Option(names = "--model", paramLabel = "NAME=MODEL", description = "What a peer's model is called there.")
    private Map<String, String> models = Map.of();

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "5", description = "Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(
            names = "--concurrency",
            paramLabel = "N",
            defaultValue = "8",
            description = "Requests under way at a time. Default: ${DEFAULT-VALUE}.")
    private int concurrency;

    @Option(
            names = "--requests",
            paramLabel = "N",
            defaultValue = "64",
            description = "For each peer in each round. Default: ${DEFAULT-VALUE}.")
    private int requests;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ShapeOptions options;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ReportFiles files;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (peers.size() < 2) throw wrong("give --peer NAME=URL at least twice: one alone compares with nothing");
        if (rounds < 1) throw wrong("--rounds must be at least 1, got " + rounds);
        if (requests < 1) throw wrong("--requests must be at least 1, got " + requests);
        if (concurrency < 1 || concurrency > LoadRun.OUTSTANDING_MAX) {
            throw wrong("--concurrency must be between 1 and " + LoadRun.OUTSTANDING_MAX + ", got " + concurrency);
        }
        for (String name : models.keySet()) {
            if (!peers.containsKey(name)) throw wrong("--model names " + name + ", which is no --peer");
        }
        ShapeOptions.Shape shape = options.shape(spec);
        Map<String, MeasuredServer> servers = new LinkedHashMap<>();
        try {
            for (String name : peers.keySet()) servers.put(name, open(name, shape));
            SelfWarmUp.run(shape.endpoint());
            return report(compare(servers, shape));
        } catch (IOException e) {
            say("error: " + e.getMessage());
            return FAILED;
        } finally {
            servers.values().forEach(MeasuredServer::close);
        }
    }

    private MeasuredServer open(String name, ShapeOptions.Shape shape) throws IOException {
        Target target;
        try {
            target = Target.of(peers.getOrDefault(name, ""));
        } catch (IllegalArgumentException e) {
            throw wrong("--peer " + name + " " + e.getMessage());
        }
        Keyring keyring = options.keyring(Promise.of("standard").slo(), "standard");
        return new MeasuredServer(target, shape, keyring, models.getOrDefault(name, ""));
    }

    private Comparison compare(Map<String, MeasuredServer> servers, ShapeOptions.Shape shape) {
        Map<String, String> conditions = Conditions.here();
        servers.forEach((name, server) -> conditions.put(name, server.target() + ", model " + server.model()));
        shape.describe(conditions);
        conditions.put("load", "%d rounds of %d requests each, %d at a time".formatted(rounds, requests, concurrency));
        // A server's first requests pay for what is compiled and mapped then.
        servers.forEach((_, server) -> server.closed(concurrency, Math.min(requests, 2 * concurrency), -1));
        Map<String, List<LoadStats.Snapshot>> measured = new LinkedHashMap<>();
        servers.keySet().forEach(name -> measured.put(name, new ArrayList<>()));
        List<String> order = new ArrayList<>(servers.keySet());
        for (int round = 0; round < rounds; round++) {
            for (String name : order) {
                say("round " + (round + 1) + " of " + rounds + ": " + name);
                MeasuredServer server = servers.get(name);
                List<LoadStats.Snapshot> its = measured.get(name);
                if (server == null || its == null) throw new IllegalStateException("a peer that nobody named");
                its.add(server.closed(concurrency, requests, shape.seed() + round));
            }
            order.add(order.removeFirst()); // nobody is always first
        }
        conditions.put("load after", "%.2f processes ready to run".formatted(Conditions.load()));
        return new Comparison(new Conditions(conditions), measured);
    }

    private int report(Comparison comparison) throws IOException {
        spec.commandLine().getOut().print(comparison.text());
        spec.commandLine().getOut().flush();
        files.write(comparison::json, comparison::html);
        boolean allAnswered = comparison.rounds().values().stream()
                .allMatch(its -> its.stream().allMatch(it -> it.all().answered() > 0));
        return allAnswered ? 0 : FAILED;
    }

    private void say(String line) {
        spec.commandLine().getErr().println(line);
        spec.commandLine().getErr().flush();
    }

    private ParameterException wrong(String problem) {
        return new ParameterException(spec.commandLine(), problem);
    }
}

package io.sluice.benchmarks.load;

import java.io.IOException;
import java.net.BindException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Runs a server that computes nothing until it is told to stop. Main thread.
@Command(
        name = "sink",
        description = {
            "Runs a server that computes nothing and answers with as many tokens as asked for, at a steady pace.",
            "`sluice bench serve` against it shows what the generator and the machine can do without any server."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class SinkCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = "9090",
            description = "The port on the loopback address. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--gap",
            paramLabel = "TIME",
            defaultValue = "20ms",
            description = "Between a stream's tokens; 0ms sends them as fast as they are taken. Default:"
                    + " ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String gap;

    @Option(
            names = "--first",
            paramLabel = "TIME",
            defaultValue = "0ms",
            description = "From a request to its first token. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String first;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (port < 0 || port > 65535) {
            throw new ParameterException(spec.commandLine(), "--port must be between 0 and 65535, got " + port);
        }
        try (var sink =
                new SinkServer(port, SpanOption.parse(spec, "--first", first), SpanOption.parse(spec, "--gap", gap))) {
            spec.commandLine().getOut().println("Answering at http://127.0.0.1:" + sink.port() + "/v1");
            spec.commandLine().getOut().flush();
            new CountDownLatch(1).await(); // until the process is told to stop
            return 0;
        } catch (BindException e) {
            spec.commandLine().getErr().println("error: port " + port + " is taken; name another with --port");
            return FAILED;
        }
    }
}

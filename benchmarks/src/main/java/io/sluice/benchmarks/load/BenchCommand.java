package io.sluice.benchmarks.load;

import io.sluice.benchmarks.frontend.FrontendCommand;
import io.sluice.benchmarks.micro.BaselineCommand;
import io.sluice.benchmarks.micro.JmhCommand;
import io.sluice.benchmarks.predict.PredictCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The measurements: of running servers, and of the parts of one. Main thread.
@Command(
        name = "bench",
        description = "Measures running servers, and the parts of one.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ServeLoadCommand.class,
            SinkCommand.class,
            CompareCommand.class,
            CapacityCommand.class,
            JmhCommand.class,
            BaselineCommand.class,
            FrontendCommand.class,
            PredictCommand.class
        })
public final class BenchCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public void run() {
        CommandLine command = spec.commandLine();
        throw new ParameterException(
                command, "say what to measure: serve, compare, capacity, sink, frontend, predict, jmh, or baseline");
    }
}

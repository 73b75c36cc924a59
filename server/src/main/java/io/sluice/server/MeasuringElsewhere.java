package io.sluice.server;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/// Stands for a command that the launcher runs from another jar, so that help knows it. Main thread.
@Command
final class MeasuringElsewhere implements Callable<Integer> {
    private final CommandLine command;

    private MeasuringElsewhere() {
        command = new CommandLine(this).setUnmatchedArgumentsAllowed(true);
    }

    static CommandLine commandLine(String description) {
        CommandLine command = new MeasuringElsewhere().command;
        command.getCommandSpec().usageMessage().description(description);
        return command;
    }

    @Override
    public Integer call() {
        throw new ParameterException(
                command,
                "\"" + command.getCommandName() + "\" is not part of the server's jar: run ./sluice "
                        + command.getCommandName() + " in a source tree");
    }
}

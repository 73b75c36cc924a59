package io.sluice.benchmarks;

import io.sluice.benchmarks.load.BenchCommand;
import io.sluice.benchmarks.traffic.SimulateCommand;
import io.sluice.server.CommandErrors;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/// The part of the command line that measures: `simulate`, `bench`. Exit codes: 0 as asked, 1 failed, 2 asked wrongly.
public final class MeasureCommand {

    /// Examples are lines to copy: they must not be wrapped.
    private static final int HELP_WIDTH = 110;

    private MeasureCommand() {}

    public static void main(String[] arguments) {
        CommandLine commands = commandLine();
        commands.setOut(new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), true));
        System.exit(commands.execute(arguments));
    }

    /// The commands, for whoever calls them without a process.
    public static CommandLine commandLine() {
        CommandSpec spec = CommandSpec.create()
                .name("sluice")
                .addSubcommand("simulate", new CommandLine(new SimulateCommand()))
                .addSubcommand("bench", new CommandLine(new BenchCommand()));
        CommandLine commands = new CommandLine(spec);
        commands.setUsageHelpWidth(HELP_WIDTH);
        CommandErrors.install(commands);
        return commands;
    }
}

package io.sluice.server;

import io.sluice.server.settings.SettingsFlags;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// Says what was wrong with a command line, and what was probably meant. Main thread.
public final class CommandErrors {
    private static final int ASKED_WRONGLY = 2;

    private CommandErrors() {}

    /// Makes the command and all below it answer so.
    public static void install(CommandLine commands) {
        commands.setParameterExceptionHandler((wrong, _) -> explain(wrong));
    }

    private static int explain(ParameterException wrong) {
        CommandLine command = wrong.getCommandLine();
        PrintWriter err = command.getErr();
        err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + message(wrong));
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        err.flush();
        return ASKED_WRONGLY;
    }

    private static String message(ParameterException wrong) {
        if (!(wrong instanceof UnmatchedArgumentException unmatched)) return String.valueOf(wrong.getMessage());
        String argument = unmatched.getUnmatched().getFirst();
        CommandSpec command = wrong.getCommandLine().getCommandSpec();
        if (argument.startsWith("-")) {
            List<String> flags = command.options().stream()
                    .flatMap(option -> List.of(option.names()).stream())
                    .toList();
            return "unknown option " + argument + SettingsFlags.hint(argument, flags);
        }
        if (command.subcommands().isEmpty()) return "unexpected argument \"" + argument + "\"";
        return "unknown command \"" + argument + "\""
                + SettingsFlags.hint(argument, List.copyOf(command.subcommands().keySet()));
    }
}

package io.sluice.benchmarks;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/// Runs the commands as the launcher does, and keeps what they say. One thread.
public final class Commands {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    /// Runs one, and tells its exit code.
    public int run(String... words) {
        CommandLine commands = MeasureCommand.commandLine();
        commands.setOut(new PrintWriter(out, true));
        commands.setErr(new PrintWriter(err, true));
        return commands.execute(words);
    }

    /// What all of them printed so far.
    public String out() {
        return out.toString();
    }

    /// What all of them said about it so far.
    public String err() {
        return err.toString();
    }
}

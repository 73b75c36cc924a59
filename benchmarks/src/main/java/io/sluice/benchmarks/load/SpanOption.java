package io.sluice.benchmarks.load;

import java.time.Duration;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/// Times on the command line. Any thread.
public final class SpanOption {
    private SpanOption() {}

    /// A time such as 500ms, 10s or 5m.
    ///
    /// @throws ParameterException that names the option if it is none
    public static Duration parse(CommandSpec spec, String option, String text) {
        try {
            return SloOption.span(text);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), option + " " + e.getMessage(), e);
        }
    }
}

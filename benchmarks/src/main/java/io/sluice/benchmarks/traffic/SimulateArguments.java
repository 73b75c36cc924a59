package io.sluice.benchmarks.traffic;

import io.sluice.server.settings.SettingsFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// Turns what was typed into what it means, or into an error that says what could be typed instead. Main
/// thread.
final class SimulateArguments {
    private static final Pattern SPAN = Pattern.compile("([0-9]{1,9})(s|m|h)");

    private final CommandLine command;

    SimulateArguments(CommandLine command) {
        this.command = command;
    }

    DeviceModel device(String gpu, String model, int sequencesMax, int stepTokensMax) {
        Gpu device = named("--gpu", gpu, Gpu.ALL, Gpu::name);
        ModelShape shape = named("--model", model, ModelShape.ALL, ModelShape::name);
        if (sequencesMax < 1) throw wrong("--max-num-seqs must be at least 1, got " + sequencesMax);
        if (stepTokensMax < sequencesMax) {
            throw wrong("--max-num-batched-tokens must be at least --max-num-seqs, " + sequencesMax + ", got "
                    + stepTokensMax);
        }
        try {
            return new DeviceModel(device, shape, sequencesMax, stepTokensMax);
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
    }

    /// What a server's step log says of it.
    DeviceModel calibrated(Path stepLog) {
        if (!Files.isRegularFile(stepLog)) throw wrong("there is no file " + stepLog);
        try {
            return DeviceModel.of(Calibration.read(stepLog));
        } catch (BrokenTrace | IOException e) {
            throw wrong("--step-log " + e.getMessage());
        }
    }

    Policy policy(String name) {
        return Policy.of(name)
                .orElseThrow(() -> wrong("--policy must be one of " + String.join(", ", Policy.NAMES)
                        + " with N at least 1, got \"" + name + "\"" + SettingsFlags.hint(name, Policy.NAMES)));
    }

    Clients clients(String name) {
        return switch (name) {
            case "give-up" -> Clients.GIVE_UP;
            case "obey" -> Clients.OBEY_RETRY_AFTER;
            default ->
                throw wrong("--clients must be give-up or obey, got \"" + name + "\""
                        + SettingsFlags.hint(name, List.of("give-up", "obey")));
        };
    }

    Trace trace(@Nullable Path file) throws IOException {
        if (file == null) throw wrong("--trace FILE says which trace to replay");
        if (!Files.isRegularFile(file)) throw wrong("there is no file " + file);
        try {
            return TraceFile.read(file);
        } catch (BrokenTrace e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
    }

    List<Trace> traces(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) throw wrong("there is no folder " + folder);
        try {
            return TraceFile.readAll(folder);
        } catch (BrokenTrace e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
    }

    Duration duration(String option, String text) {
        Matcher matcher = SPAN.matcher(text);
        if (!matcher.matches()) throw wrong(option + " must be a time such as 90s, 10m or 1h, got \"" + text + "\"");
        long count = Long.parseLong(matcher.group(1));
        if (count == 0) throw wrong(option + " must be more than nothing");
        return switch (matcher.group(2)) {
            case "h" -> Duration.ofHours(count);
            case "m" -> Duration.ofMinutes(count);
            default -> Duration.ofSeconds(count);
        };
    }

    Router.Rule router(String name) {
        return Router.Rule.of(name)
                .orElseThrow(() -> wrong("--router must be one of " + String.join(", ", Router.Rule.NAMES) + ", got \""
                        + name + "\"" + SettingsFlags.hint(name, Router.Rule.NAMES)));
    }

    int between(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw wrong(option + " must be between " + least + " and " + most + ", got " + value);
        }
        return value;
    }

    double positive(String option, double value) {
        if (!(value > 0 && value <= 1e6))
            throw wrong(option + " must be more than 0 and at most 1,000,000, got " + value);
        return value;
    }

    void atMostOne(String option, @Nullable Object value, String other, @Nullable Object otherValue) {
        if (value != null && otherValue != null) throw wrong(option + " and " + other + " cannot both be given");
    }

    private <T> T named(String option, String wanted, List<T> all, Function<T, String> name) {
        List<String> names = all.stream().map(name).toList();
        return all.stream()
                .filter(it -> name.apply(it).equals(wanted))
                .findFirst()
                .orElseThrow(() -> wrong(option + " must be one of " + String.join(", ", names) + ", got \"" + wanted
                        + "\"" + SettingsFlags.hint(wanted, names)));
    }

    ParameterException wrong(String problem) {
        return new ParameterException(command, problem);
    }
}

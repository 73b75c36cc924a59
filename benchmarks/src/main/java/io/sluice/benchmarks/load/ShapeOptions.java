package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Slo;
import io.sluice.server.settings.SettingsFlags;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/// What the requests of a measurement are like: the options of all commands that send some. Main thread.
final class ShapeOptions {
    @Option(
            names = "--endpoint",
            paramLabel = "NAME",
            defaultValue = "chat",
            description = "chat or completions. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String endpoint;

    @Option(
            names = "--prompt-tokens",
            paramLabel = "N|N-M",
            defaultValue = "256",
            description = "About how long prompts are: so many words. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String promptTokens;

    @Option(
            names = "--output-tokens",
            paramLabel = "N|N-M",
            defaultValue = "128",
            description = "max_tokens of requests. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String outputTokens;

    @Option(
            names = "--ignore-eos",
            description = "Ask for outputs of exactly that length; vLLM, SGLang and Sluice know this field.")
    private boolean ignoreEnd;

    @Option(names = "--key", paramLabel = "KEY", defaultValue = "", description = "Sent as bearer token.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String key;

    @Option(
            names = "--silence",
            paramLabel = "TIME",
            defaultValue = "5m",
            description = "A request fails after so long without a byte. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String silence;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Default: ${DEFAULT-VALUE}.")
    private long seed;

    /// What was asked for. A value.
    record Shape(Endpoint endpoint, Lengths prompt, Lengths output, boolean ignoreEnd, Duration silenceMax, long seed) {
        void describe(Map<String, String> conditions) {
            describeAsking(conditions);
            conditions.put("prompt tokens", prompt.toString());
            conditions.put("output tokens", output + (ignoreEnd ? " exactly" : " at most"));
        }

        /// All but the lengths, which a trace has of its own.
        void describeAsking(Map<String, String> conditions) {
            conditions.put("endpoint", endpoint.name().toLowerCase(Locale.ROOT));
            conditions.put("seed", Long.toString(seed));
        }
    }

    Shape shape(CommandSpec spec) {
        Endpoint asked = switch (endpoint) {
            case "chat" -> Endpoint.CHAT;
            case "completions" -> Endpoint.COMPLETIONS;
            default -> throw wrong(spec, oneOf("--endpoint", endpoint, List.of("chat", "completions")), null);
        };
        return new Shape(
                asked,
                lengths(spec, "--prompt-tokens", promptTokens),
                lengths(spec, "--output-tokens", outputTokens),
                ignoreEnd,
                SpanOption.parse(spec, "--silence", silence),
                seed);
    }

    /// The one tenant that everything is sent for.
    Keyring keyring(Slo slo, String className) {
        return new Keyring(List.of(new Key("everybody", key, className, slo)), 0);
    }

    /// Whether a key was given.
    boolean hasKey() {
        return !key.isEmpty();
    }

    /// What is wrong with an option that takes one of a few names.
    static String oneOf(String option, String given, List<String> names) {
        return option + " must be " + String.join(" or ", names) + ", got \"" + given + "\""
                + SettingsFlags.hint(given, names);
    }

    private static Lengths lengths(CommandSpec spec, String option, String text) {
        try {
            return Lengths.of(text);
        } catch (IllegalArgumentException e) {
            throw wrong(spec, option + " " + e.getMessage(), e);
        }
    }

    private static ParameterException wrong(CommandSpec spec, String problem, @Nullable Throwable cause) {
        return new ParameterException(spec.commandLine(), problem, cause);
    }
}

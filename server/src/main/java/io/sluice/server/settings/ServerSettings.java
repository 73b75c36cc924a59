package io.sluice.server.settings;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What the operator decided: flags before environment before file before defaults. A value; every part has been
/// checked. `auto` values that depend on the model are empty.
public record ServerSettings(Model model, Engine engine, Http http, Lifecycle lifecycle) {

    public record Model(
            String source,
            Optional<List<String>> names,
            Optional<Integer> contextMax,
            String dtype,
            String kvDtype,
            Path cacheFolder) {}

    public record Engine(
            Optional<Long> kvCacheBytes,
            int blockSize,
            int sequencesMax,
            int stepTokensMax,
            int sliceTokensMax,
            int waitingMax,
            int outputTokensDefault,
            boolean prefixCaching,
            boolean deterministic,
            String gemm,
            Optional<Integer> threads) {}

    public record Http(String host, int port, long bodyBytesMax, Duration requestTimeout, Streams streams) {}

    /// How streams and their readers are treated.
    ///
    /// @param resumableMax resumable streams that are kept at once
    public record Streams(Duration heartbeat, Duration stallTimeout, Duration grace, int resumableMax) {}

    /// How the process ends, and what it says meanwhile.
    ///
    /// @param stuckStepTimeout empty for what the steps so far suggest
    public record Lifecycle(
            Duration drainDelay, Duration drainTimeout, Optional<Duration> stuckStepTimeout, String logFormat) {}

    /// Resolves every setting.
    ///
    /// @param flags by setting name
    /// @param file the YAML file, if there is one
    /// @param environment all of the process's
    /// @throws SettingsException if anything is unknown or impossible
    public static ServerSettings of(Map<String, String> flags, Optional<Path> file, Map<String, String> environment) {
        Map<String, Given> given = new HashMap<>();
        file.ifPresent(path -> given.putAll(SettingsFile.read(path)));
        given.putAll(fromEnvironment(environment));
        flags.forEach((name, text) -> given.put(name, new Given(text, "--" + name)));
        return new Reading(given, environment).settings();
    }

    private static Map<String, Given> fromEnvironment(Map<String, String> environment) {
        Map<String, Setting<?>> byVariable = new TreeMap<>();
        for (Setting<?> setting : Declared.ALL) byVariable.put(setting.environmentVariable(), setting);
        Map<String, Given> given = new HashMap<>();
        new TreeMap<>(environment).forEach((variable, text) -> {
            if (!variable.startsWith(Setting.ENVIRONMENT_PREFIX) || isNoSetting(variable, text)) return;
            Setting<?> setting = byVariable.get(variable);
            if (setting == null) {
                throw new SettingsException(
                        "unknown environment variable " + variable + NearestName.hint(variable, byVariable.keySet()));
            }
            given.put(setting.name(), new Given(text, variable));
        });
        return given;
    }

    /// Kubernetes describes a Service named `sluice` by variables that begin like ours.
    private static boolean isNoSetting(String variable, String text) {
        return Declared.OTHER_VARIABLES.contains(variable)
                || variable.startsWith("SLUICE_SERVICE_")
                || variable.startsWith("SLUICE_PORT_")
                || (variable.equals(Declared.PORT.environmentVariable()) && text.contains("://"));
    }

    /// Turns what was given into what applies.
    private record Reading(Map<String, Given> given, Map<String, String> environment) {

        ServerSettings settings() {
            int stepTokensMax = value(Declared.MAX_NUM_BATCHED_TOKENS);
            Engine engine = new Engine(
                    value(Declared.KV_CACHE_MEMORY),
                    value(Declared.BLOCK_SIZE),
                    value(Declared.MAX_NUM_SEQS),
                    stepTokensMax,
                    value(Declared.LONG_PREFILL_TOKEN_THRESHOLD).orElse(Math.max(1, stepTokensMax / 2)),
                    value(Declared.MAX_WAITING_REQUESTS),
                    value(Declared.MAX_TOKENS_DEFAULT),
                    value(Declared.ENABLE_PREFIX_CACHING),
                    value(Declared.DETERMINISTIC),
                    value(Declared.GEMM),
                    value(Declared.THREADS));
            checkTogether(engine);
            return new ServerSettings(
                    new Model(
                            atHome(value(Declared.MODEL)),
                            value(Declared.SERVED_MODEL_NAME),
                            value(Declared.MAX_MODEL_LEN),
                            value(Declared.DTYPE),
                            value(Declared.KV_CACHE_DTYPE),
                            Path.of(atHome(value(Declared.CACHE_DIR)))),
                    engine,
                    http(),
                    new Lifecycle(
                            value(Declared.DRAIN_DELAY),
                            value(Declared.DRAIN_TIMEOUT),
                            stuckStepTimeout(),
                            value(Declared.LOG_FORMAT)));
        }

        private <T> T value(Setting<T> setting) {
            Given text = given.getOrDefault(setting.name(), new Given(setting.defaultText(), setting.flag()));
            try {
                return setting.kind().parse(text.text());
            } catch (IllegalArgumentException e) {
                throw new SettingsException(text.origin() + " " + e.getMessage());
            }
        }

        private void checkTogether(Engine engine) {
            if (Integer.bitCount(engine.blockSize()) != 1) {
                throw new SettingsException(origin(Declared.BLOCK_SIZE) + " must be a power of two, got "
                        + engine.blockSize() + "; 16 suits most models");
            }
            if (engine.stepTokensMax() < engine.sequencesMax()) {
                throw new SettingsException(origin(Declared.MAX_NUM_BATCHED_TOKENS) + " is " + engine.stepTokensMax()
                        + ", less than max-num-seqs, " + engine.sequencesMax()
                        + ": each running sequence needs a token in each step; raise the one or lower the other");
            }
            if (engine.sliceTokensMax() > engine.stepTokensMax()) {
                throw new SettingsException(origin(Declared.LONG_PREFILL_TOKEN_THRESHOLD) + " is "
                        + engine.sliceTokensMax() + ", more than max-num-batched-tokens, " + engine.stepTokensMax()
                        + ": lower the one or raise the other");
            }
        }

        private Http http() {
            Streams streams = new Streams(
                    moreThanNothing(Declared.HEARTBEAT),
                    moreThanNothing(Declared.STALL_TIMEOUT),
                    moreThanNothing(Declared.STREAM_GRACE),
                    value(Declared.MAX_RESUMABLE_STREAMS));
            return new Http(
                    value(Declared.HOST),
                    value(Declared.PORT),
                    value(Declared.MAX_BODY_BYTES),
                    moreThanNothing(Declared.REQUEST_TIMEOUT),
                    streams);
        }

        private Optional<Duration> stuckStepTimeout() {
            Optional<Duration> timeout = value(Declared.STUCK_STEP_TIMEOUT);
            timeout.ifPresent(span -> requireMoreThanNothing(Declared.STUCK_STEP_TIMEOUT, span));
            return timeout;
        }

        private Duration moreThanNothing(Setting<Duration> setting) {
            Duration span = value(setting);
            requireMoreThanNothing(setting, span);
            return span;
        }

        private void requireMoreThanNothing(Setting<?> setting, Duration span) {
            if (span.isZero()) {
                throw new SettingsException(
                        origin(setting) + " must be more than nothing; the default is " + setting.defaultText());
            }
        }

        /// Shells replace `~` neither in files nor after an equals sign.
        private String atHome(String path) {
            String home = environment.getOrDefault("HOME", System.getProperty("user.home", "."));
            return path.startsWith("~/") ? Path.of(home, path.substring(2)).toString() : path;
        }

        private String origin(Setting<?> setting) {
            Given text = given.get(setting.name());
            return text == null ? setting.flag() : text.origin();
        }
    }
}

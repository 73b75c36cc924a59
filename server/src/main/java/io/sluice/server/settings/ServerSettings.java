package io.sluice.server.settings;

import io.sluice.batching.PromptWish;
import io.sluice.batching.SpeculationSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// What the operator decided: flags before environment before file before defaults. A value; every part has
/// been checked. `auto` values that depend on the model are empty.
///
/// @param texts every setting as somebody would write it, by name
public record ServerSettings(
        Model model,
        Engine engine,
        Http http,
        Access access,
        Audit audit,
        Lifecycle lifecycle,
        Map<String, String> texts) {

    public record Model(
            String source,
            Optional<List<String>> names,
            Optional<Integer> contextMax,
            String dtype,
            String quantizedWeights,
            String kvDtype,
            Path cacheFolder,
            String toolCallParser,
            String reasoningParser,
            PromptWish.Pooling pooling) {

        /// The same of another model.
        public Model withSource(String other) {
            return new Model(
                    other,
                    names,
                    contextMax,
                    dtype,
                    quantizedWeights,
                    kvDtype,
                    cacheFolder,
                    toolCallParser,
                    reasoningParser,
                    pooling);
        }
    }

    /// How the engine computes.
    ///
    /// @param gpuMemoryShare of a GPU's memory that may be in use
    public record Engine(
            DeviceChoice device,
            double gpuMemoryShare,
            Optional<Long> kvCacheBytes,
            Optional<Long> parkBytes,
            int blockSize,
            int sequencesMax,
            int stepTokensMax,
            int sliceTokensMax,
            int waitingMax,
            int outputTokensDefault,
            boolean prefixCaching,
            boolean deterministic,
            String gemm,
            Optional<Integer> threads,
            Speculation speculation) {}

    /// Who guesses what comes next.
    ///
    /// @param draftModel empty unless one does
    public record Speculation(SpeculationSettings settings, Optional<String> draftModel) {}

    public record Http(
            String host,
            int port,
            long bodyBytesMax,
            Duration requestTimeout,
            Streams streams,
            Responses responses,
            Batches batches) {}

    /// Where files and batches are kept.
    ///
    /// @param folder empty if there are none
    /// @param bytesMax of all of them together
    public record Batches(Optional<Path> folder, long bytesMax) {}

    /// How long responses are kept that clients may refer to.
    ///
    /// @param max how many at once
    public record Responses(int max, Duration retention) {}

    /// Who may ask for what.
    ///
    /// @param keysFile empty if nobody needs a key
    /// @param allowAnonymous nobody needs one, and whoever reaches the main port is meant to
    public record Access(
            Optional<Path> keysFile,
            boolean allowAnonymous,
            boolean metricsOpen,
            int metricsTenantsMax,
            double scaleTargetLoad,
            String adminHost,
            AdminPort adminPort) {}

    /// What is kept of each request for auditors.
    ///
    /// @param folder empty if nothing is
    /// @param content `none`, `hash` or `encrypted`
    /// @param fileBytesMax of one file
    public record Audit(
            Optional<Path> folder,
            Optional<Path> keyFile,
            String content,
            Optional<Pattern> redact,
            long fileBytesMax,
            Duration retention) {}

    /// How streams and their readers are treated.
    ///
    /// @param resumableMax resumable streams that are kept at once
    public record Streams(Duration heartbeat, Duration stallTimeout, Duration grace, int resumableMax) {

        /// How long a sequence may stand still for its reader: twice what its connection may, which is
        /// broken off first, and which a resumable stream survives.
        public Duration standstillMax() {
            return stallTimeout.multipliedBy(2);
        }
    }

    /// How the process ends, and what it says meanwhile.
    ///
    /// @param stuckStepTimeout empty for what the steps so far suggest
    /// @param stepLog where each step is written down, if anywhere
    public record Lifecycle(
            Duration drainDelay,
            Duration drainTimeout,
            Optional<Duration> stuckStepTimeout,
            String logFormat,
            Optional<Path> stepLog) {}

    /// The same from a file that is named.
    public static ServerSettings of(Map<String, String> flags, Optional<Path> file, Map<String, String> environment) {
        return of(new SettingsSource(flags, file.map(ConfigText.FromFile::new), environment));
    }

    /// Resolves every setting.
    ///
    /// @throws SettingsException if anything is unknown or impossible
    static ServerSettings of(SettingsSource source) {
        Map<String, Given> given = new HashMap<>();
        source.config().ifPresent(config -> given.putAll(SettingsFile.read(config)));
        given.putAll(fromEnvironment(source.environment()));
        source.flags().forEach((name, text) -> given.put(name, new Given(text, "--" + name)));
        return new Reading(given, source.environment()).settings();
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
                || (variable.equals(DeclaredServing.PORT.environmentVariable()) && text.contains("://"));
    }

    /// Turns what was given into what applies.
    private record Reading(Map<String, Given> given, Map<String, String> environment) {
        /// A step of a processor takes as long as it has tokens; one of a GPU waits for weights until there
        /// are hundreds.
        private static final int CPU_SEQUENCES_MAX = 32;

        private static final int CPU_STEP_TOKENS_MAX = 512;
        private static final int GPU_SEQUENCES_MAX = 256;
        private static final int GPU_STEP_TOKENS_MAX = 4096;

        ServerSettings settings() {
            DeviceChoice device = value(DeclaredEngine.DEVICE);
            boolean isGpu = device instanceof DeviceChoice.Cuda;
            int sequencesMax = value(DeclaredEngine.MAX_NUM_SEQS).orElse(isGpu ? GPU_SEQUENCES_MAX : CPU_SEQUENCES_MAX);
            int stepTokensMax = value(DeclaredEngine.MAX_NUM_BATCHED_TOKENS)
                    .orElse(isGpu ? GPU_STEP_TOKENS_MAX : CPU_STEP_TOKENS_MAX);
            Engine engine = new Engine(
                    device,
                    value(DeclaredEngine.GPU_MEMORY_UTILIZATION),
                    value(DeclaredEngine.KV_CACHE_MEMORY),
                    value(DeclaredEngine.PARK_MEMORY),
                    value(DeclaredEngine.BLOCK_SIZE),
                    sequencesMax,
                    stepTokensMax,
                    value(DeclaredEngine.LONG_PREFILL_TOKEN_THRESHOLD).orElse(Math.max(1, stepTokensMax / 2)),
                    value(DeclaredEngine.MAX_WAITING_REQUESTS),
                    value(DeclaredEngine.MAX_TOKENS_DEFAULT),
                    value(DeclaredEngine.ENABLE_PREFIX_CACHING),
                    value(DeclaredEngine.DETERMINISTIC),
                    value(DeclaredEngine.GEMM),
                    value(DeclaredEngine.THREADS),
                    speculation(device));
            checkTogether(engine);
            return new ServerSettings(
                    new Model(
                            atHome(value(DeclaredEngine.MODEL)),
                            value(DeclaredEngine.SERVED_MODEL_NAME),
                            value(DeclaredEngine.MAX_MODEL_LEN),
                            value(DeclaredEngine.DTYPE),
                            value(DeclaredEngine.QUANTIZED_WEIGHTS),
                            value(DeclaredEngine.KV_CACHE_DTYPE),
                            Path.of(atHome(value(DeclaredEngine.CACHE_DIR))),
                            value(DeclaredEngine.TOOL_CALL_PARSER),
                            value(DeclaredEngine.REASONING_PARSER),
                            PromptWish.Pooling.valueOf(
                                    value(DeclaredEngine.POOLING).toUpperCase(Locale.ROOT))),
                    engine,
                    http(),
                    access(),
                    audit(),
                    new Lifecycle(
                            value(DeclaredServing.DRAIN_DELAY),
                            value(DeclaredServing.DRAIN_TIMEOUT),
                            stuckStepTimeout(),
                            value(DeclaredServing.LOG_FORMAT),
                            value(DeclaredServing.STEP_LOG).map(path -> Path.of(atHome(path)))),
                    texts());
        }

        private Speculation speculation(DeviceChoice device) {
            SpeculationSettings.Kind kind = SpeculationSettings.Kind.valueOf(
                    value(DeclaredEngine.SPECULATION).toUpperCase(Locale.ROOT));
            Optional<String> draftModel =
                    value(DeclaredEngine.SPECULATION_DRAFT_MODEL).map(this::atHome);
            boolean drafts = kind == SpeculationSettings.Kind.DRAFT;
            if (drafts && draftModel.isEmpty()) {
                throw new SettingsException(origin(DeclaredEngine.SPECULATION)
                        + " is draft, but there is no draft model: name one with --speculation-draft-model");
            }
            if (!drafts && draftModel.isPresent()) {
                throw new SettingsException(origin(DeclaredEngine.SPECULATION_DRAFT_MODEL)
                        + " is of no use without --speculation draft: add that, or leave it out");
            }
            if (kind != SpeculationSettings.Kind.OFF && device instanceof DeviceChoice.Cuda) {
                throw new SettingsException(
                        origin(DeclaredEngine.SPECULATION) + " is " + value(DeclaredEngine.SPECULATION)
                                + ", but the kernels for GPUs do not take guessed tokens yet: leave it out, or set device to cpu");
            }
            return new Speculation(new SpeculationSettings(kind, value(DeclaredEngine.SPECULATION_TOKENS)), draftModel);
        }

        private Access access() {
            Optional<Path> keysFile = value(DeclaredServing.API_KEYS_FILE).map(path -> Path.of(atHome(path)));
            boolean allowAnonymous = value(DeclaredServing.ALLOW_ANONYMOUS);
            if (keysFile.isPresent() && allowAnonymous) {
                throw new SettingsException(origin(DeclaredServing.ALLOW_ANONYMOUS)
                        + " contradicts api-keys-file: with keys nobody is anonymous; leave one of them out");
            }
            if (keysFile.isEmpty() && !allowAnonymous && !Loopback.is(value(DeclaredServing.HOST))) {
                throw new SettingsException(origin(DeclaredServing.HOST) + " is " + value(DeclaredServing.HOST)
                        + ", which others can reach, and there are no API keys: make some (./sluice keys create --tenant"
                        + " NAME) and give them with --api-keys-file, or open the server to everybody with"
                        + " --allow-anonymous");
            }
            AdminPort adminPort = value(DeclaredServing.ADMIN_PORT);
            boolean adminOff = adminPort instanceof AdminPort.Off;
            if (keysFile.isEmpty() && !adminOff && !Loopback.is(value(DeclaredServing.ADMIN_HOST))) {
                throw new SettingsException(
                        origin(DeclaredServing.ADMIN_HOST) + " is " + value(DeclaredServing.ADMIN_HOST)
                                + ", which others can reach, and there are no API keys: make an admin key (./sluice keys create"
                                + " --admin) and give it with --api-keys-file");
            }
            return new Access(
                    keysFile,
                    allowAnonymous,
                    value(DeclaredServing.METRICS_OPEN),
                    value(DeclaredServing.METRICS_TENANTS_MAX),
                    value(DeclaredServing.SCALE_TARGET_LOAD),
                    value(DeclaredServing.ADMIN_HOST),
                    adminPort);
        }

        private Audit audit() {
            Optional<Path> keyFile = value(DeclaredServing.AUDIT_KEY_FILE).map(path -> Path.of(atHome(path)));
            String content = value(DeclaredServing.AUDIT_CONTENT);
            if (content.equals("encrypted") && keyFile.isEmpty()) {
                throw new SettingsException(origin(DeclaredServing.AUDIT_CONTENT)
                        + " is encrypted, and there is no key: give one with --audit-key-file");
            }
            return new Audit(
                    value(DeclaredServing.AUDIT_DIR).map(path -> Path.of(atHome(path))),
                    keyFile,
                    content,
                    value(DeclaredServing.AUDIT_REDACT).map(this::pattern),
                    value(DeclaredServing.AUDIT_FILE_BYTES),
                    moreThanNothing(DeclaredServing.AUDIT_RETENTION));
        }

        private Pattern pattern(String regex) {
            try {
                return Pattern.compile(regex);
            } catch (PatternSyntaxException e) {
                throw new SettingsException(origin(DeclaredServing.AUDIT_REDACT) + " is no regular expression: "
                        + e.getDescription() + " in " + regex);
            }
        }

        private Map<String, String> texts() {
            Map<String, String> texts = new LinkedHashMap<>();
            for (Setting<?> setting : Declared.ALL) {
                Given text = given.get(setting.name());
                texts.put(setting.name(), text == null ? setting.defaultText() : text.text());
            }
            return Collections.unmodifiableMap(texts);
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
                throw new SettingsException(origin(DeclaredEngine.BLOCK_SIZE) + " must be a power of two, got "
                        + engine.blockSize() + "; 16 suits most models");
            }
            if (engine.stepTokensMax() < engine.sequencesMax()) {
                throw new SettingsException(
                        origin(DeclaredEngine.MAX_NUM_BATCHED_TOKENS) + " is " + engine.stepTokensMax()
                                + ", less than max-num-seqs, " + engine.sequencesMax()
                                + ": each running sequence needs a token in each step; raise the one or lower the other");
            }
            if (engine.sliceTokensMax() > engine.stepTokensMax()) {
                throw new SettingsException(origin(DeclaredEngine.LONG_PREFILL_TOKEN_THRESHOLD) + " is "
                        + engine.sliceTokensMax() + ", more than max-num-batched-tokens, " + engine.stepTokensMax()
                        + ": lower the one or raise the other");
            }
        }

        private Http http() {
            Streams streams = new Streams(
                    moreThanNothing(DeclaredServing.HEARTBEAT),
                    moreThanNothing(DeclaredServing.STALL_TIMEOUT),
                    moreThanNothing(DeclaredServing.STREAM_GRACE),
                    value(DeclaredServing.MAX_RESUMABLE_STREAMS));
            return new Http(
                    value(DeclaredServing.HOST),
                    value(DeclaredServing.PORT),
                    value(DeclaredServing.MAX_BODY_BYTES),
                    moreThanNothing(DeclaredServing.REQUEST_TIMEOUT),
                    streams,
                    new Responses(
                            value(DeclaredServing.MAX_STORED_RESPONSES),
                            moreThanNothing(DeclaredServing.RESPONSE_RETENTION)),
                    new Batches(
                            value(DeclaredServing.BATCH_DIR).map(path -> Path.of(atHome(path))),
                            value(DeclaredServing.BATCH_MAX_BYTES)));
        }

        private Optional<Duration> stuckStepTimeout() {
            Optional<Duration> timeout = value(DeclaredServing.STUCK_STEP_TIMEOUT);
            timeout.ifPresent(span -> requireMoreThanNothing(DeclaredServing.STUCK_STEP_TIMEOUT, span));
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

package io.sluice.server.settings;

import io.sluice.server.settings.Setting.Group;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// The settings of HTTP, access, the audit log and the process, in the order of the documentation.
final class DeclaredServing {
    private static final int MANY = 1 << 20;

    static final Setting<String> HOST = new Setting<>(
            "host",
            Group.HTTP,
            new Kind.Text("ADDRESS"),
            "127.0.0.1",
            "The address to listen on. The default answers this machine only; `0.0.0.0` answers everybody who can reach it"
                    + " and needs `api-keys-file` or `allow-anonymous`.");

    static final Setting<Integer> PORT = new Setting<>(
            "port", Group.HTTP, new Kind.Count(0, 65535), "8000", "The port to listen on; 0 takes any free one.");

    static final Setting<Long> MAX_BODY_BYTES = new Setting<>(
            "max-body-bytes",
            Group.HTTP,
            new Kind.Size(),
            "8MiB",
            "The longest request body; longer ones are answered with 413 before they are read.");

    static final Setting<Duration> HEARTBEAT = new Setting<>(
            "heartbeat",
            Group.HTTP,
            new Kind.Span(),
            "10s",
            "The longest silence of a stream, also before its first token: after it a comment is sent, which clients skip"
                    + " and which keeps proxies from giving up.");

    static final Setting<Duration> REQUEST_TIMEOUT = new Setting<>(
            "request-timeout",
            Group.HTTP,
            new Kind.Span(),
            "60s",
            "How long a request may take to arrive, from its first byte to the last of its body; one that takes longer is"
                    + " answered with 408.");

    static final Setting<Duration> STALL_TIMEOUT = new Setting<>(
            "stall-timeout",
            Group.HTTP,
            new Kind.Span(),
            "60s",
            "How long a client may take nothing of its answer; after that its connection is broken off, and its"
                    + " generation ends as `client_stalled`.");

    static final Setting<Duration> STREAM_GRACE = new Setting<>(
            "stream-grace",
            Group.HTTP,
            new Kind.Span(),
            "30s",
            "How long a resumable stream goes on without a reader, and how long one that has ended can still be read.");

    static final Setting<Integer> MAX_RESUMABLE_STREAMS = new Setting<>(
            "max-resumable-streams",
            Group.HTTP,
            new Kind.Count(0, MANY),
            "256",
            "The most resumable streams that are kept at once, a quarter of them for one key; 0 refuses them.");

    static final Setting<Integer> MAX_STORED_RESPONSES = new Setting<>(
            "max-stored-responses",
            Group.HTTP,
            new Kind.Count(0, MANY),
            "1024",
            "The most [responses](api.md#responses) that are kept for `previous_response_id`, a quarter of them for one key;"
                    + " the oldest give way. 0 keeps none.");

    static final Setting<Duration> RESPONSE_RETENTION = new Setting<>(
            "response-retention",
            Group.HTTP,
            new Kind.Span(),
            "1h",
            "How long a response is kept. It is kept in memory: a restart forgets it.");

    static final Setting<Optional<String>> BATCH_DIR = new Setting<>(
            "batch-dir",
            Group.HTTP,
            new Kind.None<>(new Kind.Text("PATH")),
            "none",
            "The folder for [files and batches](api.md#batches), for this instance alone. Batches that are not over go on when"
                    + " a server starts with it. Without one, there are none.");

    static final Setting<Long> BATCH_MAX_BYTES = new Setting<>(
            "batch-max-bytes", Group.HTTP, new Kind.Size(), "1GiB", "The most bytes of files and batches together.");

    static final Setting<Optional<String>> API_KEYS_FILE = new Setting<>(
            "api-keys-file",
            Group.ACCESS,
            new Kind.None<>(new Kind.Text("PATH")),
            "none",
            "The file of API keys, made by `sluice keys create` ([tenancy](tenancy.md)). With it, everything but the three"
                    + " probes needs a key. The file is read anew at each reload.");

    static final Setting<Boolean> ALLOW_ANONYMOUS = new Setting<>(
            "allow-anonymous",
            Group.ACCESS,
            new Kind.Flag(),
            "false",
            "Answer everybody who can reach `host`, without API keys.");

    static final Setting<Boolean> METRICS_OPEN = new Setting<>(
            "metrics-open",
            Group.ACCESS,
            new Kind.Flag(),
            "false",
            "Answer `/metrics` without a key although there are keys, for scrapers and routers that have none. The"
                    + " tenants' names can be read there.");

    static final Setting<Integer> METRICS_TENANTS_MAX = new Setting<>(
            "metrics-tenants-max",
            Group.ACCESS,
            new Kind.Count(1, 1000),
            "50",
            "How many tenants have metrics of their own: those with most traffic; the others are counted together as"
                    + " `other`. Each takes about a hundred series.");

    static final Setting<Double> SCALE_TARGET_LOAD = new Setting<>(
            "scale-target-load",
            Group.ACCESS,
            new Kind.Share(),
            "0.7",
            "The load that each replica is to have: what `sluice_replicas_wanted` counts [replicas](scaling.md) by.");

    static final Setting<AdminPort> ADMIN_PORT = new Setting<>(
            "admin-port",
            Group.ACCESS,
            new Kind.Admin(),
            "auto",
            "The port of the [admin routes](api.md#admin-routes). `auto` is the one after `port`, or any free one if"
                    + " `port` is 0.");

    static final Setting<String> ADMIN_HOST = new Setting<>(
            "admin-host",
            Group.ACCESS,
            new Kind.Text("ADDRESS"),
            "127.0.0.1",
            "The address that the admin routes listen on. Any but this machine's own needs `api-keys-file`.");

    static final Setting<Optional<String>> AUDIT_DIR = new Setting<>(
            "audit-dir",
            Group.AUDIT,
            new Kind.None<>(new Kind.Text("PATH")),
            "none",
            "The folder of the [audit log](audit.md), for this instance alone. With it, a line is written for each request and"
                    + " each change of the policy, and the model's files are hashed at start.");

    static final Setting<Optional<String>> AUDIT_KEY_FILE = new Setting<>(
            "audit-key-file",
            Group.AUDIT,
            new Kind.None<>(new Kind.Text("PATH")),
            "none",
            "A file with a secret of at least 32 characters that the log is sealed with: who does not have it cannot make"
                    + " another log that holds.");

    static final Setting<String> AUDIT_CONTENT = new Setting<>(
            "audit-content",
            Group.AUDIT,
            new Kind.Word(List.of("none", "hash", "encrypted")),
            "hash",
            "What is kept of prompts and outputs: nothing, their hashes, or the texts, encrypted with the audit key.");

    static final Setting<Optional<String>> AUDIT_REDACT = new Setting<>(
            "audit-redact",
            Group.AUDIT,
            new Kind.None<>(new Kind.Text("REGEX")),
            "none",
            "What is replaced by `[redacted]` in users' names, metadata and texts before they are written.");

    static final Setting<Long> AUDIT_FILE_BYTES = new Setting<>(
            "audit-file-bytes",
            Group.AUDIT,
            new Kind.Size(),
            "64MiB",
            "After how much the log goes on in another file.");

    static final Setting<Duration> AUDIT_RETENTION = new Setting<>(
            "audit-retention",
            Group.AUDIT,
            new Kind.Span(),
            "400d",
            "How long the log's files are kept; then they are removed, and the log says so.");

    static final Setting<Duration> DRAIN_DELAY = new Setting<>(
            "drain-delay",
            Group.LIFECYCLE,
            new Kind.Span(),
            "0s",
            "How long new requests are still taken after SIGTERM, while `/readyz` already says 503: the time that"
                    + " load balancers need to look elsewhere.");

    static final Setting<Duration> DRAIN_TIMEOUT = new Setting<>(
            "drain-timeout",
            Group.LIFECYCLE,
            new Kind.Span(),
            "30s",
            "How long running requests may go on after that. What is left then ends with an error event.");

    static final Setting<Optional<Duration>> STUCK_STEP_TIMEOUT = new Setting<>(
            "stuck-step-timeout",
            Group.LIFECYCLE,
            new Kind.Auto<>(new Kind.Span()),
            "auto",
            "How long a step of the engine may take before `/readyz` says 503, until it returns. `auto` is 5 s, or ten"
                    + " times the longest usual step if that is more.");

    static final Setting<String> LOG_FORMAT = new Setting<>(
            "log-format",
            Group.LIFECYCLE,
            new Kind.Word(List.of("text", "json")),
            "text",
            "How log lines are written to standard error.");

    static final Setting<Optional<String>> STEP_LOG = new Setting<>(
            "step-log",
            Group.LIFECYCLE,
            new Kind.None<>(new Kind.Text("PATH")),
            "none",
            "A file that a line is written to for each step of the engine: what it computed and how long it took. The"
                    + " simulator is calibrated with it ([traffic in simulation](traffic-simulation.md#calibration)). A file of"
                    + " that name is replaced; with several GPUs each has its own, numbered.");

    static final List<Setting<?>> ALL = List.of(
            HOST,
            PORT,
            MAX_BODY_BYTES,
            HEARTBEAT,
            REQUEST_TIMEOUT,
            STALL_TIMEOUT,
            STREAM_GRACE,
            MAX_RESUMABLE_STREAMS,
            MAX_STORED_RESPONSES,
            RESPONSE_RETENTION,
            BATCH_DIR,
            BATCH_MAX_BYTES,
            API_KEYS_FILE,
            ALLOW_ANONYMOUS,
            METRICS_OPEN,
            METRICS_TENANTS_MAX,
            SCALE_TARGET_LOAD,
            ADMIN_PORT,
            ADMIN_HOST,
            AUDIT_DIR,
            AUDIT_KEY_FILE,
            AUDIT_CONTENT,
            AUDIT_REDACT,
            AUDIT_FILE_BYTES,
            AUDIT_RETENTION,
            DRAIN_DELAY,
            DRAIN_TIMEOUT,
            STUCK_STEP_TIMEOUT,
            LOG_FORMAT,
            STEP_LOG);

    private DeclaredServing() {}
}

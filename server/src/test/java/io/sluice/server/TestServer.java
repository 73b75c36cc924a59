package io.sluice.server;

import io.helidon.webserver.http.ServerRequest;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineOnClock;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.PromptWish;
import io.sluice.modelstore.GenerationDefaults;
import io.sluice.server.admin.AdminRoutes;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.RequestBodies;
import io.sluice.server.openai.Json;
import io.sluice.server.openai.StreamOwners;
import io.sluice.server.output.OutputFormat;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsSource;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// The real server and the real engine on a free port, with a fake device and tokenizer behind them: a prompt says
/// itself what will be answered (`ByteTokenizer.MARK`).
final class TestServer implements AutoCloseable {
    static final String MODEL = "test-model";
    static final int CONTEXT_MAX = 8192;
    static final long BODY_BYTES_MAX = 64 * 1024;
    static final int TENANTS_SHOWN = 10;
    static final ServedModel.Traits TRAITS = new ServedModel.Traits(
            "fake",
            "Q4_K",
            true,
            4 * CONTEXT_MAX,
            new ServedModel.Embeddings(ScriptedRunner.WIDTH, PromptWish.Pooling.LAST));

    final ScriptedRunner.Gate gate = new ScriptedRunner.Gate();
    /// Stands still unless a test moves it: sums are exact then.
    final AtomicLong quotaClock = new AtomicLong();

    /// The wall clock is so much ahead of the machine's.
    volatile Duration wallClockAhead = Duration.ZERO;

    final ByteTokenizer tokenizer = new ByteTokenizer();
    final Lifecycle lifecycle = new Lifecycle();
    volatile @Nullable String owner; // whose every request's streams are, if not its key's
    final ServerMetrics metrics = new ServerMetrics(MODEL, TENANTS_SHOWN);
    final Tenancy tenancy;
    final Engine engine;
    final HttpServer http;
    final AdminServer admin;
    final GenerationService service;
    final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /// What a test may choose. One test's own; each call changes it.
    static final class Options {
        private static final Duration NEVER = Duration.ofHours(1); // in a test that does not ask for less

        private int sequencesMax = 8;
        private int waitingMax = 64;
        private int blockCount = 4096;
        private int hostBlockCount;
        private GenerationDefaults defaults = noDefaults();
        private Duration heartbeat = Duration.ofSeconds(30);
        private Duration requestTimeout = NEVER;
        private Duration stallTimeout = NEVER;
        private Duration grace = NEVER;
        private int resumableMax = 16;
        private int responsesMax = 16;
        private Optional<Path> batchFolder = Optional.empty();
        private long batchBytesMax = 1 << 20;
        private OutputFormat format = OutputFormat.PLAIN;
        private Optional<Duration> stuckStepTimeout = Optional.empty();
        private LongSupplier clock = System::nanoTime;
        private SettingsSource source = new SettingsSource(Map.of(), Optional.empty(), Map.of());

        static Options usual() {
            return new Options();
        }

        Options withSequencesMax(int count) {
            sequencesMax = count;
            return this;
        }

        Options withWaitingMax(int count) {
            waitingMax = count;
            return this;
        }

        Options withBlockCount(int count) {
            blockCount = count;
            return this;
        }

        Options withHostBlocks(int count) {
            hostBlockCount = count;
            return this;
        }

        Options withDefaults(GenerationDefaults recommended) {
            defaults = recommended;
            return this;
        }

        Options withHeartbeat(Duration time) {
            heartbeat = time;
            return this;
        }

        Options withRequestTimeout(Duration time) {
            requestTimeout = time;
            return this;
        }

        Options withStallTimeout(Duration time) {
            stallTimeout = time;
            return this;
        }

        Options withGrace(Duration time) {
            grace = time;
            return this;
        }

        Options withResumableMax(int count) {
            resumableMax = count;
            return this;
        }

        Options withBatches(Path folder, long bytesMax) {
            batchFolder = Optional.of(folder);
            batchBytesMax = bytesMax;
            return this;
        }

        Options withResponsesMax(int count) {
            responsesMax = count;
            return this;
        }

        /// What the model's answers are made of.
        Options withFormat(OutputFormat made) {
            format = made;
            return this;
        }

        Options withStuckStepTimeout(Duration time) {
            stuckStepTimeout = Optional.of(time);
            return this;
        }

        /// The engine's.
        Options withClock(LongSupplier nanoseconds) {
            clock = nanoseconds;
            return this;
        }

        /// Where policy and keys are read from.
        Options withSource(SettingsSource given) {
            source = given;
            return this;
        }

        ServerSettings.Http http() {
            return new ServerSettings.Http(
                    "127.0.0.1",
                    0,
                    BODY_BYTES_MAX,
                    requestTimeout,
                    new ServerSettings.Streams(heartbeat, stallTimeout, grace, resumableMax),
                    new ServerSettings.Responses(responsesMax, NEVER),
                    new ServerSettings.Batches(batchFolder, batchBytesMax));
        }
    }

    private TestServer(Options options) {
        int stepTokensMax = Math.max(512, options.sequencesMax);
        ModelLimits limits = new ModelLimits(
                options.blockCount,
                16,
                CONTEXT_MAX,
                stepTokensMax,
                options.sequencesMax,
                ScriptedRunner.VOCAB_SIZE,
                options.hostBlockCount);
        engine = EngineOnClock.start(
                new EngineSettings(
                        options.waitingMax,
                        true,
                        512,
                        EngineSettings.LAG_TOKENS_MAX,
                        options.http().streams().standstillMax().toNanos()),
                () -> new ScriptedRunner(limits, gate),
                options.clock);
        ServedModel model = new ServedModel(
                List.of(MODEL, "alias"),
                tokenizer,
                Optional.of(new ScriptedTemplate()),
                options.defaults,
                1000,
                1,
                TRAITS,
                options.format);
        tenancy = Tenancy.of(
                options.source,
                options.source.settings(),
                model,
                metrics,
                new Tenancy.Clocks(
                        options.clock, quotaClock::get, () -> Instant.now().plus(wallClockAhead)));
        http = HttpServer.start(options.http(), behind(lifecycle, metrics, tenancy, this::ownerOf));
        AdminRoutes routes = new AdminRoutes(tenancy.intake(), tenancy.reload(), new RequestBodies(BODY_BYTES_MAX));
        admin = AdminServer.start(
                new Listener.Address("127.0.0.1", 0, "--admin-port"), options.http(), tenancy.adminFilter(), routes);
        metrics.observe(engine);
        routes.observe(engine);
        service = new GenerationService(model, engine);
        lifecycle.ready(service, new EngineHealth(engine, options.stuckStepTimeout));
    }

    private String ownerOf(ServerRequest request) {
        return owner == null ? StreamOwners.BY_KEY.ownerOf(request) : owner;
    }

    static HttpServer.Behind behind(Lifecycle lifecycle, ServerMetrics metrics, Tenancy tenancy, StreamOwners owners) {
        return new HttpServer.Behind(lifecycle, metrics, tenancy.intake(), tenancy.mainFilter(), owners);
    }

    static TestServer start() {
        return new TestServer(Options.usual());
    }

    static TestServer start(Options options) {
        return new TestServer(options);
    }

    static GenerationDefaults noDefaults() {
        return new GenerationDefaults(
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of(ScriptedRunner.END));
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + http.port() + path);
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> post(String path, String json) throws IOException, InterruptedException {
        return client.send(request(path, json), HttpResponse.BodyHandlers.ofString());
    }

    HttpRequest request(String path, String json) {
        return HttpRequest.newBuilder(uri(path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build();
    }

    HttpResponse<String> chat(String fields) throws IOException, InterruptedException {
        return post("/v1/chat/completions", chatBody(fields));
    }

    /// A chat of one message.
    static String chatBody(String fields) {
        return "{\"model\":\"" + MODEL + "\"," + fields + "}";
    }

    /// `"messages":[...]` of one user message that makes the model answer `answer`.
    static String asking(String answer) {
        return "\"messages\":[{\"role\":\"user\",\"content\":\"Say " + ByteTokenizer.MARK + answer + "\"}]";
    }

    /// The same for completions.
    static String prompting(String answer) {
        return "\"prompt\":\"Say " + ByteTokenizer.MARK + answer + "\"";
    }

    /// The chunks of a stream, without the closing `[DONE]`, which must be there.
    static List<Map<String, Object>> chunks(String body) {
        List<Map<String, Object>> chunks = new ArrayList<>();
        boolean done = false;
        for (String line : body.split("\n", -1)) {
            if (!line.startsWith("data: ")) continue;
            if (done) throw new AssertionError("something follows [DONE]: " + line);
            if (line.equals("data: [DONE]")) done = true;
            else chunks.add(json(line.substring("data: ".length())));
        }
        if (!done) throw new AssertionError("no [DONE] in: " + body);
        return chunks;
    }

    static Map<String, Object> json(String text) {
        try {
            return Json.parseObject(text.getBytes(StandardCharsets.UTF_8));
        } catch (ApiError e) {
            throw new AssertionError("not JSON: " + text, e);
        }
    }

    /// The value at a path such as `choices.0.message.content`.
    static @Nullable Object at(Map<String, Object> json, String path) {
        Object value = json;
        for (String step : path.split("\\.", -1)) {
            value = switch (value) {
                case Map<?, ?> map -> map.get(step);
                case List<?> list -> list.get(Integer.parseInt(step));
                case null, default -> throw new AssertionError("nothing at " + path + " in " + json);
            };
        }
        return value;
    }

    /// The whole number at a path.
    static long count(Map<String, Object> json, String path) {
        if (at(json, path) instanceof Long number) return number;
        throw new AssertionError("no number at " + path + " in " + json);
    }

    /// The list at a path.
    static List<?> list(Map<String, Object> json, String path) {
        if (at(json, path) instanceof List<?> list) return list;
        throw new AssertionError("no list at " + path + " in " + json);
    }

    /// The text of a choice in a stream's chunks.
    static String text(List<Map<String, Object>> chunks, long choice) {
        StringBuilder text = new StringBuilder();
        for (Map<String, Object> chunk : chunks) {
            if (list(chunk, "choices").isEmpty() || !Objects.equals(at(chunk, "choices.0.index"), choice)) continue;
            boolean chat = Objects.equals(chunk.get("object"), "chat.completion.chunk");
            Object piece = at(chunk, chat ? "choices.0.delta" : "choices.0");
            if (piece instanceof Map<?, ?> fields && fields.get(chat ? "content" : "text") instanceof String added) {
                text.append(added);
            }
        }
        return text.toString();
    }

    /// The value of a metric's first series, or of the series whose labels are given.
    double metric(String name) {
        try {
            return new Scraped(get("/metrics").body()).first(name);
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /// The sum of a metric's series, read without a request.
    double total(String name) {
        return Scraped.of(metrics::scrape).sum(name);
    }

    /// A tenant's series, or the sum of several: those that begin like this.
    double tenantTotal(String seriesBeginning) {
        return Scraped.of(metrics::scrapeTenants).sum(seriesBeginning);
    }

    /// Waits until something holds that another thread brings about.
    static void await(String what, BooleanSupplier holds) throws InterruptedException {
        await(what, Duration.ofSeconds(60), holds); // on a busy machine; met at once on an idle one
    }

    /// The same for what takes a whole process, or a thousand clients.
    static void awaitLong(String what, BooleanSupplier holds) throws InterruptedException {
        await(what, Duration.ofMinutes(4), holds);
    }

    private static void await(String what, Duration patience, BooleanSupplier holds) throws InterruptedException {
        long deadlineNs = System.nanoTime() + patience.toNanos();
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > deadlineNs) throw new AssertionError("did not happen: " + what);
            Thread.sleep(Duration.ofMillis(2));
        }
    }

    @Override
    public void close() {
        gate.open();
        engine.close();
        client.close();
        http.close();
        admin.close();
    }
}

package io.sluice.server;

import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.ModelLimits;
import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.GenerationDefaults;
import io.sluice.modelstore.RenderedChat;
import io.sluice.server.admin.AdminRoutes;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Json;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsSource;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// The real server and the real engine on a free port, with a fake device and tokenizer behind them: a prompt says
/// itself what will be answered (`ByteTokenizer.MARK`).
final class TestServer implements AutoCloseable {
    static final String MODEL = "test-model";
    static final int CONTEXT_MAX = 8192;
    static final long BODY_BYTES_MAX = 64 * 1024;
    static final int TENANTS_SHOWN = 10;

    final ScriptedRunner.Gate gate = new ScriptedRunner.Gate();
    /// Stands still unless a test moves it: sums are exact then.
    final AtomicLong quotaClock = new AtomicLong();

    final ByteTokenizer tokenizer = new ByteTokenizer();
    final Lifecycle lifecycle = new Lifecycle();
    final ServerMetrics metrics = new ServerMetrics(MODEL, TENANTS_SHOWN);
    final Tenancy tenancy;
    final Engine engine;
    final HttpServer http;
    final AdminServer admin;
    final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /// What a test may choose.
    ///
    /// @param source where policy and keys are read from
    record Options(
            int sequencesMax,
            int waitingMax,
            int blockCount,
            Duration heartbeat,
            GenerationDefaults defaults,
            SettingsSource source) {
        static Options usual() {
            SettingsSource nothing = new SettingsSource(Map.of(), Optional.empty(), Map.of());
            return new Options(8, 64, 4096, Duration.ofSeconds(30), noDefaults(), nothing);
        }

        Options withSequencesMax(int count) {
            return new Options(count, waitingMax, blockCount, heartbeat, defaults, source);
        }

        Options withWaitingMax(int count) {
            return new Options(sequencesMax, count, blockCount, heartbeat, defaults, source);
        }

        Options withBlockCount(int count) {
            return new Options(sequencesMax, waitingMax, count, heartbeat, defaults, source);
        }

        Options withHeartbeat(Duration time) {
            return new Options(sequencesMax, waitingMax, blockCount, time, defaults, source);
        }

        Options withDefaults(GenerationDefaults recommended) {
            return new Options(sequencesMax, waitingMax, blockCount, heartbeat, recommended, source);
        }

        Options withSource(SettingsSource given) {
            return new Options(sequencesMax, waitingMax, blockCount, heartbeat, defaults, given);
        }
    }

    private TestServer(Options options) {
        ModelLimits limits = new ModelLimits(
                options.blockCount(), 16, CONTEXT_MAX, 512, options.sequencesMax(), ScriptedRunner.VOCAB_SIZE, 0);
        engine = Engine.start(
                "test", new EngineSettings(options.waitingMax(), true, 512), () -> new ScriptedRunner(limits, gate));
        ServedModel model = new ServedModel(
                List.of(MODEL, "alias"), tokenizer, Optional.of(template()), options.defaults(), 1000, 1);
        ServerSettings settings = options.source().settings();
        tenancy = Tenancy.of(options.source(), settings, model, metrics, quotaClock::get);
        http = HttpServer.start(
                new ServerSettings.Http("127.0.0.1", 0, BODY_BYTES_MAX, options.heartbeat()),
                new HttpServer.Behind(lifecycle, metrics, tenancy.intake(), tenancy.mainFilter()));
        AdminRoutes routes = new AdminRoutes(tenancy.intake(), tenancy.reload(), BODY_BYTES_MAX);
        admin = AdminServer.start(
                new Listener.Address("127.0.0.1", 0, "--admin-port"), BODY_BYTES_MAX, tenancy.adminFilter(), routes);
        metrics.observe(engine);
        routes.observe(engine);
        lifecycle.ready(new GenerationService(model, engine), engine::isAlive);
    }

    /// The routes of a server that has no engine yet, or for which there is no room.
    static HttpServer startRoutes(ServerSettings.Http settings, Lifecycle lifecycle) {
        ServerMetrics metrics = new ServerMetrics("m", TENANTS_SHOWN);
        ServedModel model = new ServedModel(List.of("m"), new ByteTokenizer(), Optional.empty(), noDefaults(), 1000, 1);
        SettingsSource nothing = Options.usual().source();
        Tenancy tenancy = Tenancy.of(nothing, nothing.settings(), model, metrics, System::nanoTime);
        return HttpServer.start(
                settings, new HttpServer.Behind(lifecycle, metrics, tenancy.intake(), tenancy.mainFilter()));
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

    /// `[role]content` per message: the last message comes last, and with it the script.
    private static ChatTemplate template() {
        return (messages, variables) -> {
            if (variables.containsKey("refuse")) throw new ChatTemplate.ChatTemplateException("as it was told to");
            StringBuilder text = new StringBuilder();
            for (Map<String, Object> message : messages) {
                text.append('[').append(message.get("role")).append(']').append(message.get("content"));
            }
            return new RenderedChat(text.toString(), new BitSet());
        };
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
    double metric(String name) throws IOException, InterruptedException {
        return get("/metrics")
                .body()
                .lines()
                .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no metric " + name));
    }

    /// Waits until something holds that another thread brings about.
    static void await(String what, BooleanSupplier holds) throws InterruptedException {
        long deadlineNs = System.nanoTime() + Duration.ofSeconds(20).toNanos();
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

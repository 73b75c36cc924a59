package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineOnClock;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.Payer;
import io.sluice.server.generation.Submitted;
import io.sluice.server.http.ErrorMapping;
import io.sluice.server.openai.StreamHandler;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Requests whose deadline passes while they are served.
@Timeout(240)
class DeadlineEndingTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 16, 1024, 512, 8, ScriptedRunner.VOCAB_SIZE, 0);

    private static final long DEADLINE_NS = 1_000_000;

    private final ScriptedRunner.Gate gate = new ScriptedRunner.Gate();
    private final CountDownLatch submitted = new CountDownLatch(1);
    private final AtomicLong nowNs = new AtomicLong(1);

    @AutoClose
    private final Engine engine =
            EngineOnClock.start(new EngineSettings(8, true, 512), () -> new ScriptedRunner(LIMITS, gate), nowNs::get);

    @AutoClose("stop")
    private final WebServer server = WebServer.builder()
            .host("127.0.0.1")
            .port(0)
            .shutdownHook(false)
            .addRouting(routing())
            .build()
            .start();

    @AutoClose
    private final HttpClient client = HttpClient.newHttpClient();

    @Test
    void before_the_first_byte_it_is_408() throws Exception {
        // While another's step is under way, none is planned for this one.
        gate.close();
        assertThat(engine.submit(abc("another", Deadlines.NONE))).isInstanceOf(Admission.Admitted.class);
        TestServer.await("a step to be under way", () -> engine.stepStartedNs() != 0);
        var answer = client.sendAsync(request(), HttpResponse.BodyHandlers.ofString());
        submitted.await();
        nowNs.set(DEADLINE_NS + 1);
        gate.open();
        assertThat(answer.get().statusCode()).isEqualTo(408);
        assertThat(at(json(answer.get().body()), "error.code")).isEqualTo("deadline_exceeded");
    }

    @Test
    void after_it_it_is_an_error_event_and_the_end() throws Exception {
        gate.close();
        var answer = client.sendAsync(request(), HttpResponse.BodyHandlers.ofInputStream());
        gate.allow(2);
        InputStream body = answer.get().body();
        BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
        assertThat(lines.readLine()).contains("\"text\":\"a");
        nowNs.set(DEADLINE_NS + 1);
        gate.open();
        List<String> rest = lines.lines().filter(line -> !line.isEmpty()).toList();
        assertThat(rest.get(rest.size() - 2)).isEqualTo("event: error");
        String error = rest.getLast().substring("data: ".length());
        assertThat(at(json(error), "error.code")).isEqualTo("deadline_exceeded");
        assertThat(at(json(error), "error.retryable")).isEqualTo(false);
        assertThat(rest).noneMatch(line -> line.contains("[DONE]") || line.contains("\"finish_reason\":\"stop\""));
    }

    private HttpRequest request() {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/"))
                .build();
    }

    private HttpRouting.Builder routing() {
        HttpRouting.Builder routing = HttpRouting.builder();
        ErrorMapping.register(routing);
        return routing.get("/", new StreamHandler(this::submit));
    }

    private Generation submit() {
        Generation generation = Submitted.to(
                engine,
                abc("deadline", Deadlines.last(DEADLINE_NS)),
                new ByteTokenizer(),
                new ServerMetrics("test-model", 1).begin(new Payer("tenant", "standard", Optional.empty())));
        submitted.countDown();
        return generation;
    }

    private static GenerationRequest abc(String id, Deadlines deadlines) {
        return new GenerationRequest(
                id,
                new int[] {'a', 'b', 'c'},
                900,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                deadlines);
    }
}

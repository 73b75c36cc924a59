package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.modelstore.GenerationDefaults;
import io.sluice.server.TestServer.Options;
import io.sluice.server.settings.ServerSettings;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/// Starting, overload, stopping, and an engine that dies.
class LifecycleTest {

    @Test
    void the_probes_tell_starting_from_ready_from_leaving() throws Exception {
        try (TestServer server = TestServer.start()) {
            for (String probe : new String[] {"/livez", "/readyz", "/startupz", "/health", "/version"}) {
                assertThat(server.get(probe).statusCode()).as(probe).isEqualTo(200);
                assertThat(server.get(probe).headers().firstValue("connection")).contains("keep-alive");
            }
            assertThat(server.get("/readyz").body()).isEqualTo("{\"status\":\"ok\"}");
            server.lifecycle.leave();
            assertThat(server.get("/readyz").statusCode()).isEqualTo(503);
            assertThat(server.get("/readyz").body()).isEqualTo("{\"status\":\"not ok\"}");
            assertThat(server.get("/livez").statusCode()).isEqualTo(200);
            assertThat(server.chat(asking("still taken")).statusCode()).isEqualTo(200);
            server.lifecycle.drain();
            assertThat(server.get("/livez").statusCode()).isEqualTo(200);
            assertThat(server.get("/livez").headers().firstValue("connection")).contains("close");
            refused(server.chat(asking("x")), 503, "draining");
        }
    }

    @Test
    void while_the_model_loads_requests_are_refused_with_a_time_to_come_back() throws Exception {
        Lifecycle lifecycle = new Lifecycle();
        try (HttpServer http = BareServer.start(Options.usual().http(), lifecycle);
                RawHttp client = new RawHttp(http)) {
            assertThat(client.get("/livez").statusCode()).isEqualTo(200);
            assertThat(client.get("/startupz").statusCode()).isEqualTo(503);
            assertThat(client.get("/readyz").statusCode()).isEqualTo(503);
            refused(client.get("/v1/models"), 503, "starting");
        }
    }

    @Test
    void a_full_queue_is_503_with_a_time_to_come_back() throws Exception {
        try (TestServer server =
                TestServer.start(Options.usual().withSequencesMax(1).withWaitingMax(1))) {
            server.gate.close();
            var running = async(server, prompting("a"));
            TestServer.await("one to be in the engine", () -> admitted(server) == 1);
            CompletableFuture<HttpResponse<String>> waiting = null;
            HttpResponse<String> refusal = null;
            // The first request may or may not count as waiting yet: one of the next two finds the queue full.
            for (int i = 0; i < 2 && refusal == null; i++) {
                double before = admitted(server) + refusals(server);
                var next = async(server, prompting("b"));
                TestServer.await("a decision", () -> admitted(server) + refusals(server) > before);
                if (refusals(server) > 0) refusal = next.get();
                else waiting = next;
            }
            refused(Objects.requireNonNull(refusal), 503, "queue_full");
            assertThat(refusal.body()).contains("max-waiting-requests").contains("standard");
            server.gate.open();
            assertThat(running.get().statusCode()).isEqualTo(200);
            if (waiting != null) assertThat(waiting.get().statusCode()).isEqualTo(200);
        }
    }

    @Test
    void what_never_fits_the_cache_is_400_and_not_worth_a_retry() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withBlockCount(8))) {
            var response = server.chat(asking("x") + ",\"max_tokens\":1000");
            assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
            assertThat(response.headers().firstValue("x-should-retry")).contains("false");
            assertThat(response.headers().firstValue("retry-after")).isEmpty();
            // Without a limit of its own it gets what fits.
            assertThat(server.chat(asking("x")).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void a_stream_that_breaks_ends_with_an_error_event_and_without_done() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post("/v1/chat/completions", chatBody(asking("never complete") + ",\"stream\":true"));
            server.gate.allow(3);
            client.readUntil("\"content\":\"n");
            server.gate.breakDevice();
            String end = client.readUntil("\r\n0\r\n\r\n");
            assertThat(end)
                    .contains("event: error\ndata: {\"error\":{\"message\":")
                    .doesNotContain("[DONE]");
            assertThat(end).doesNotContain("finish_reason\":\"stop").doesNotContain("finish_reason\":\"length");
        }
    }

    @Test
    void a_failure_before_the_first_token_is_still_a_status_also_for_streams() throws Exception {
        for (String stream : new String[] {"true", "false"}) {
            try (TestServer server = TestServer.start()) {
                server.gate.close();
                var answer = async(server, prompting("x") + ",\"stream\":" + stream);
                TestServer.await("it to be admitted", () -> admitted(server) == 1);
                server.gate.breakDevice();
                refused(answer.get(), 503, "device_lost");
            }
        }
    }

    @Test
    void when_the_engine_is_dead_the_process_says_so() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.breakDevice();
            server.chat(asking("x"));
            TestServer.await("the engine to be dead", () -> !server.engine.isAlive());
            assertThat(server.get("/livez").statusCode()).isEqualTo(503);
            assertThat(server.get("/readyz").statusCode()).isEqualTo(503);
            refused(server.chat(asking("x")), 503, "engine_stopped");
            server.lifecycle.drain(); // on its way out it still says so
            assertThat(server.get("/livez").statusCode()).isEqualTo(503);
        }
    }

    @Test
    void draining_lets_streams_finish_and_then_reports_that_nothing_is_left() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            var answer = async(server, prompting("to the end"));
            TestServer.await("it to be admitted", () -> admitted(server) == 1);
            server.lifecycle.drain();
            var drained = CompletableFuture.supplyAsync(() -> {
                try {
                    return server.engine.drain(Duration.ofSeconds(20));
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            server.gate.open();
            assertThat(drained.get()).isTrue();
            assertThat(answer.get().body()).contains("\"text\":\"to the end\"");
        }
    }

    @Test
    void when_the_time_to_drain_is_over_streams_end_with_an_error_event() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post("/v1/completions", "{\"prompt\":\"abc\",\"max_tokens\":8000,\"stream\":true}");
            server.gate.allow(3);
            client.readUntil("\"text\":");
            server.lifecycle.drain();
            assertThat(server.engine.drain(Duration.ZERO)).isFalse();
            var closed = CompletableFuture.runAsync(server.engine::close);
            TestServer.await("the engine to be closed", () -> {
                server.gate.allow(1); // it closes after the step it is in
                return closed.isDone();
            });
            assertThat(client.readUntil("\r\n0\r\n\r\n"))
                    .contains("event: error")
                    .doesNotContain("[DONE]");
        }
    }

    @Test
    void a_port_in_use_is_said_with_what_to_do() {
        try (TestServer server = TestServer.start()) {
            ServerSettings.Http free = Options.usual().http();
            ServerSettings.Http same = new ServerSettings.Http(
                    free.host(),
                    server.http.port(),
                    free.bodyBytesMax(),
                    free.requestTimeout(),
                    free.streams(),
                    free.responses(),
                    free.batches());
            assertThatThrownBy(() -> BareServer.start(same, server.lifecycle))
                    .isInstanceOf(Listener.ListenFailed.class)
                    .hasMessageContaining("cannot listen on 127.0.0.1 port " + server.http.port())
                    .hasMessageContaining("--port");
        }
    }

    @Test
    void the_models_recommendations_hold_where_a_request_says_nothing() throws Exception {
        GenerationDefaults recommended = new GenerationDefaults(
                Optional.of(0.6f),
                Optional.of(0.9f),
                Optional.of(20),
                Optional.of(0.1f),
                Optional.of(1.1f),
                List.of(ScriptedRunner.END, (int) '#', (int) '%'));
        try (TestServer server = TestServer.start(Options.usual().withDefaults(recommended))) {
            // Several end tokens, each of which ends.
            assertThat(at(json(server.chat(asking("a#b")).body()), "choices.0.message.content"))
                    .isEqualTo("a");
            assertThat(at(json(server.chat(asking("ab%c")).body()), "choices.0.message.content"))
                    .isEqualTo("ab");
            assertThat(server.gate.latestSampling().temperature()).isEqualTo(0.6f);
            assertThat(server.gate.latestSampling().topP()).isEqualTo(0.9f);
            assertThat(server.gate.latestSampling().topK()).isEqualTo(20);
            assertThat(server.gate.latestSampling().minP()).isEqualTo(0.1f);
            assertThat(server.gate.latestSampling().repetitionPenalty()).isEqualTo(1.1f);
            server.chat(asking("x") + ",\"temperature\":0,\"top_p\":1,\"top_k\":0,\"min_p\":0,\"repetition_penalty\":1,"
                    + "\"seed\":7,\"frequency_penalty\":0.5,\"presence_penalty\":-0.5,\"logit_bias\":{\"65\":-100}");
            assertThat(server.gate.latestSampling().isGreedy()).isTrue();
            assertThat(server.gate.latestSampling().topK()).isZero();
            assertThat(server.gate.latestSampling().seed()).isEqualTo(7);
            assertThat(server.gate.latestSampling().frequencyPenalty()).isEqualTo(0.5f);
            assertThat(server.gate.latestSampling().presencePenalty()).isEqualTo(-0.5f);
            assertThat(server.gate.latestSampling().logitBias()).containsEntry(65, -100f);
        }
    }

    @Test
    void the_metrics_move() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.chat(asking("abc"));
            server.chat(asking("abc") + ",\"max_tokens\":2");
            server.chat(asking("x") + ",\"max_tokens\":100000");
            assertThat(server.metric("sluice_requests_admitted_total")).isEqualTo(2);
            assertThat(server.metric("sluice_prompt_tokens_total")).isEqualTo(28);
            assertThat(server.metric("sluice_generation_tokens_total")).isEqualTo(6);
            assertThat(server.metric("sluice_choices_finished_total{model=\"test-model\",reason=\"stop\"}"))
                    .isEqualTo(1);
            assertThat(server.metric("sluice_choices_finished_total{model=\"test-model\",reason=\"length\"}"))
                    .isEqualTo(1);
            assertThat(server.metric("sluice_time_to_first_token_seconds_count"))
                    .isEqualTo(2);
            assertThat(server.metric("sluice_request_duration_seconds_count")).isEqualTo(2);
            assertThat(server.metric("sluice_steps_total")).isPositive();
            assertThat(server.metric("sluice_requests_running")).isZero();
            assertThat(server.metric("sluice_kv_blocks_used")).isZero();
            assertThat(server.metric("vllm:num_requests_running")).isZero();
            assertThat(server.metric("vllm:num_requests_waiting")).isZero();
            assertThat(server.metric("vllm:kv_cache_usage_perc")).isZero();
            assertThat(server.metric("vllm:prompt_tokens_total")).isEqualTo(28);
            assertThat(server.metric("vllm:generation_tokens_total")).isEqualTo(6);
            assertThat(server.metric("vllm:time_to_first_token_seconds_count")).isEqualTo(2);
            assertThat(server.metric("vllm:e2e_request_latency_seconds_count")).isEqualTo(2);
            assertThat(server.get("/metrics").body())
                    .contains("vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"4096\"} 1")
                    .contains(
                            "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"test-model\"} 1");
        }
    }

    private static CompletableFuture<HttpResponse<String>> async(TestServer server, String fields) {
        return server.client.sendAsync(
                server.request("/v1/completions", "{" + fields + "}"), HttpResponse.BodyHandlers.ofString());
    }

    private static double admitted(TestServer server) {
        return server.metric("sluice_requests_admitted_total");
    }

    private static double refusals(TestServer server) {
        return server.metric("sluice_requests_refused_total{model=\"test-model\",reason=\"queue_full\"}");
    }

    private static void refused(HttpResponse<String> response, int status, String code) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(at(json(response.body()), "error.code")).isEqualTo(code);
        long seconds =
                Long.parseLong(response.headers().firstValue("retry-after").orElseThrow());
        long millis =
                Long.parseLong(response.headers().firstValue("retry-after-ms").orElseThrow());
        assertThat(millis).isPositive();
        assertThat(seconds).isEqualTo(Math.ceilDiv(millis, 1000));
    }

    /// A plain client of a server without an engine.
    private record RawHttp(HttpServer http, HttpClient client) implements AutoCloseable {
        RawHttp(HttpServer http) {
            this(http, HttpClient.newHttpClient());
        }

        HttpResponse<String> get(String path) throws Exception {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + http.port() + path))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        }

        @Override
        public void close() {
            client.close();
        }
    }
}

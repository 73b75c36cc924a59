package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A stream of a low class makes room for a burst of a higher one, and goes on as if nothing had happened. The demo
/// model on the real runner, in float32, with a KV cache that holds one request of full length.
@Timeout(600)
class ParkingTest {
    private static final int OUTPUT = 600;
    private static final String LONG = "{\"prompt\":\"Once upon a time there was a fox who\",\"max_tokens\":" + OUTPUT
            + ",\"ignore_eos\":true,\"temperature\":0.9,\"seed\":4,\"stream\":true,"
            + "\"logprobs\":1,\"stream_options\":{\"include_usage\":true}}";
    private static final String QUICK =
            "{\"prompt\":\"A quick question: who are you?\",\"max_tokens\":300,\"ignore_eos\":true}";
    private static final int BURST = 3;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String bulk;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String people;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String admin;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        bulk = tenants.key("bulk");
        people = tenants.key("people");
        admin = tenants.adminKey();
        tenants.policy("{tenants: {bulk: {class: batch}, people: {class: interactive}}}");
    }

    @Test
    void a_batch_stream_survives_an_interactive_burst_with_the_same_tokens_and_no_second_prefill() throws Exception {
        try (RealServer server = start("64MiB")) {
            Map<String, String> expected = undisturbed(server);
            assertThat(answer(throughBurst(server))).isEqualTo(expected);

            Map<String, Object> record = server.admin(admin, "/admin/requests/disturbed");
            assertThat(TestServer.count(record, "prompts.0.parks")).isPositive();
            assertThat(at(record, "prompts.0.preemptions")).isEqualTo(0L);
            assertThat(computed(record)).as("each token once").isEqualTo(onceComputed(record));
            assertThat(server.metric(admin, "sluice_parks_total")).isPositive();
            assertThat(server.metric(admin, "sluice_preemptions_total")).isZero();
            assertThat(server.metric(admin, "sluice_tenant_parks_total{model=\"sluice-demo\",tenant=\"bulk\""))
                    .isPositive();
            assertThat(server.metric(admin, "sluice_host_blocks_used")).isZero();
            assertThat(server.metric(admin, "sluice_kv_blocks_leaked")).isZero();
        }
    }

    @Test
    void without_room_to_park_nobody_gives_way_and_the_tokens_are_the_same() throws Exception {
        try (RealServer server = start("off")) {
            Map<String, String> expected = undisturbed(server);
            // Nobody gives way without a place to go to: the burst waits.
            List<CompletableFuture<HttpResponse<String>>> burst = new ArrayList<>();
            server.meddler.hold();
            var stream = server.ask(bulk, LONG, "x-request-id", "undisturbed");
            TestServer.await("it to be admitted", () -> admitted(server) == 2);
            for (int i = 0; i < BURST; i++) burst.add(server.ask(people, QUICK));
            TestServer.await("the burst to be admitted", () -> admitted(server) == 2 + BURST);
            server.meddler.letGo();
            for (var answer : burst) assertThat(answer.get().statusCode()).isEqualTo(200);
            assertThat(answer(stream.get())).isEqualTo(expected);
            assertThat(server.metric(admin, "sluice_parks_total")).isZero();
        }
    }

    /// The stream, with a burst in its middle; while it is parked, its client hears heartbeats.
    private List<Event> throughBurst(RealServer server) throws Exception {
        try (RawClient client = RawClient.to(server.port())) {
            server.meddler.hold();
            client.post("/v1/completions", LONG, "x-api-key: " + bulk + "\r\nx-request-id: disturbed\r\n");
            double before = server.metric(admin, "sluice_sampled_tokens_total");
            TestServer.await("the stream to be well under way", () -> {
                server.meddler.allow(1);
                return server.metric(admin, "sluice_sampled_tokens_total") > before + 20;
            });
            String response = client.readUntil("\"text\":");
            List<CompletableFuture<HttpResponse<String>>> burst = new ArrayList<>();
            for (int i = 0; i < BURST; i++) burst.add(server.ask(people, QUICK));
            TestServer.await("the burst to be admitted", () -> admitted(server) == 2 + BURST);
            TestServer.await("the stream to be parked", () -> {
                server.meddler.allow(1);
                return server.metric(admin, "sluice_sequences_parked") == 1;
            });
            assertThat(server.metric(admin, "sluice_host_blocks_used")).isPositive();
            response += client.readUntil("\n: ");
            server.meddler.letGo();
            for (var answer : burst)
                assertThat(answer.get().statusCode()).as(answer.get().body()).isEqualTo(200);
            response += client.readUntil("\r\n0\r\n\r\n");
            return RawClient.events(response.substring(0, response.length() - "0\r\n\r\n".length()));
        }
    }

    private Map<String, String> undisturbed(RealServer server) throws Exception {
        Map<String, String> whole = answer(server.ask(bulk, LONG).get());
        assertThat(whole).containsEntry("end", "done").containsEntry("choice 0 finish", "length");
        return whole;
    }

    /// All of a stream: its text, and with its log-probabilities its tokens. What was cached is not part of it.
    private static Map<String, String> answer(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return answer(Event.parse(response.body()));
    }

    private static Map<String, String> answer(List<Event> events) {
        Map<String, String> sum = Event.sum(events);
        sum.remove("usage");
        return sum;
    }

    private double admitted(RealServer server) {
        return server.metric(admin, "sluice_requests_admitted_total");
    }

    private static long computed(Map<String, Object> record) {
        return TestServer.count(record, "prompts.0.computed_tokens");
    }

    /// Prompt and output but for what came from the cache, and the last token, after which nothing comes.
    private static long onceComputed(Map<String, Object> record) {
        return TestServer.count(record, "usage.prompt_tokens")
                + TestServer.count(record, "usage.completion_tokens")
                - 1
                - TestServer.count(record, "usage.cached_tokens");
    }

    private RealServer start(String parkMemory) {
        return RealServer.start(
                tenants, folder, "kv-cache-memory", "2560KiB", "park-memory", parkMemory, "heartbeat", "100ms");
    }
}

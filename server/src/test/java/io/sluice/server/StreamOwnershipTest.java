package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Streams that clients come back to, with real keys: whose they are, what becomes of them with their key, and who
/// pays.
@Timeout(240)
class StreamOwnershipTest {
    private static final String ANSWER = "to be continued";

    /// `Say →` and the answer as a prompt; the answer and its end token as output.
    private static final int USED = 5 + ANSWER.length() + ANSWER.length() + 1;

    private static final int LIMIT = 50_000;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String owner;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String sibling;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String admin;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        owner = tenants.key("acme");
        sibling = tenants.key("acme");
        admin = tenants.adminKey();
        tenants.policy("{tenants: {acme: {tokens-per-minute: " + LIMIT + ", max-concurrent: 1}}}");
    }

    @Test
    void another_key_of_the_same_tenant_finds_nothing_and_cannot_end_it() throws Exception {
        String stranger = tenants.key("umbrella");
        try (TestServer server = tenants.start()) {
            Cut cut = begin(server, 6);
            HttpResponse<String> unknown =
                    stream(server, owner, "GET", "stream-00000000000000000000000000000000", null);
            assertThat(unknown.statusCode()).isEqualTo(404);
            for (String other : List.of(sibling, stranger, admin)) {
                for (String method : List.of("GET", "DELETE")) {
                    HttpResponse<String> response = stream(server, other, method, cut.stream(), null);
                    assertThat(response.statusCode()).as(method).isEqualTo(404);
                    assertThat(response.body()).isEqualTo(unknown.body());
                }
            }
            assertThat(stream(server, "sk-sluice-nobody-x", "GET", cut.stream(), null)
                            .statusCode())
                    .isEqualTo(401);
            server.gate.open();
            assertThat(Event.sum(Event.parse(
                            stream(server, owner, "GET", cut.stream(), null).body())))
                    .containsEntry("choice 0 text", ANSWER)
                    .containsEntry("end", "done");
        }
    }

    @Test
    void a_stream_that_nobody_reads_ends_with_its_key() throws Exception {
        try (TestServer server = tenants.start()) {
            Cut cut = begin(server, 4);
            tenants.revoke(owner);
            Map<String, Object> outcome = json(new KeyedClient(server, admin)
                    .adminPost("/admin/policy/reload", "")
                    .body());
            assertThat(outcome).containsEntry("ended_requests", 1L);
            TestServer.await("its blocks to be free", () -> {
                server.gate.allow(1);
                return server.engine.stats().blocks().used() == 0;
            });
            TestServer.await("it to be counted", () -> finished(server, "revoked") == 1);
            assertThat(finished(server, "stop")).isZero();
            assertThat(stream(server, owner, "GET", cut.stream(), null).statusCode())
                    .isEqualTo(401);
            assertThat(stream(server, sibling, "GET", cut.stream(), null).statusCode())
                    .isEqualTo(404);
            server.gate.open();
            TestServer.await(
                    "its place to be free",
                    () -> new KeyedClient(server, sibling)
                                    .completeAsync(prompting("x"))
                                    .join()
                                    .statusCode()
                            == 200);
        }
    }

    @Test
    void however_often_it_is_read_it_is_paid_for_once() throws Exception {
        try (TestServer server = tenants.start()) {
            Cut cut = begin(server, 6);
            server.gate.open();
            HttpResponse<String> rest = stream(server, owner, "GET", cut.stream(), cut.lastEvent());
            assertThat(Event.parse(rest.body()).getLast().isDone()).isTrue();
            for (int again = 0; again < 3; again++) {
                HttpResponse<String> whole = stream(server, owner, "GET", cut.stream(), null);
                assertThat(Event.sum(Event.parse(whole.body()))).containsEntry("choice 0 text", ANSWER);
            }
            assertThat(stream(server, owner, "DELETE", cut.stream(), null).statusCode())
                    .isEqualTo(204);
            assertPaidOnce(server, "stop");
        }
    }

    @Test
    void one_that_nobody_comes_back_to_is_paid_for_once_too() throws Exception {
        try (TestServer server =
                TestServer.start(Options.usual().withSource(tenants.source()).withGrace(Duration.ofMillis(50)))) {
            begin(server, 4);
            server.gate.open();
            TestServer.await("it to be given up", () -> server.total("sluice_resumable_streams") == 0);
            TestServer.await(
                    "it to be over", () -> server.tenancy.intake().log().live().isEmpty());
            // Nobody has read its end, but it had one, if the engine was quicker than the grace.
            assertThat(finished(server, "stop") + finished(server, "abort")).isEqualTo(1);
            assertThat(server.total("sluice_requests_admitted_total")).isEqualTo(1);
            double output = server.total("sluice_generation_tokens_total");
            assertThat(output).isBetween(4.0, ANSWER.length() + 1.0);
            HttpResponse<String> next = new KeyedClient(server, sibling).complete(prompting("x") + ",\"max_tokens\":1");
            assertThat(KeyedClient.header(next, "x-ratelimit-remaining-tokens"))
                    .isEqualTo(LIMIT - (5 + ANSWER.length()) - (long) output - 7);
        }
    }

    /// And its place is free: another request of the tenant is let in.
    private void assertPaidOnce(TestServer server, String ending) throws Exception {
        TestServer.await(
                "it to be over", () -> server.tenancy.intake().log().live().isEmpty());
        assertThat(finished(server, ending)).isEqualTo(1);
        assertThat(server.total("sluice_choices_finished_total")).isEqualTo(1);
        assertThat(server.total("sluice_requests_admitted_total")).isEqualTo(1);
        assertThat(server.total("sluice_generation_tokens_total")).isEqualTo(ANSWER.length() + 1.0);
        assertThat(server.tenantTotal("sluice_tenant_generation_tokens_total")).isEqualTo(ANSWER.length() + 1.0);
        assertThat(server.total("sluice_time_to_first_token_seconds_count")).isEqualTo(1);
        HttpResponse<String> next = new KeyedClient(server, sibling).complete(prompting("x") + ",\"max_tokens\":1");
        assertThat(next.statusCode()).as(next.body()).isEqualTo(200);
        // The next one: six tokens of prompt, and one.
        assertThat(KeyedClient.header(next, "x-ratelimit-remaining-tokens")).isEqualTo(LIMIT - USED - 7);
        Map<String, Object> record = new KeyedClient(server, admin).adminJson("/admin/requests/cut");
        assertThat(record).containsEntry("state", "over");
        assertThat(TestServer.list(record, "endings")).hasSize(1).allMatch(ending::equals);
        assertThat(at(record, "usage.completion_tokens")).isEqualTo(ANSWER.length() + 1L);
    }

    /// A stream whose client has gone.
    private record Cut(String stream, String lastEvent) {}

    private Cut begin(TestServer server, int steps) throws Exception {
        server.gate.close();
        try (RawClient client = new RawClient(server)) {
            client.post(
                    "/v1/completions",
                    "{" + prompting(ANSWER) + ",\"stream\":true}",
                    ResumeTest.RESUMABLE + "x-request-id: cut\r\nx-api-key: " + owner + "\r\n");
            server.gate.allow(steps);
            String head = client.readUntil("\"text\":\"") + client.readUntil("\n\n");
            client.endSending().readToTheBreak(); // the server has noticed, and hung up
            return new Cut(
                    ResumeTest.streamOf(head), RawClient.events(head).getLast().id());
        }
    }

    private static HttpResponse<String> stream(
            TestServer server, String key, String method, String stream, @Nullable String lastEvent) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.uri("/v1/streams/" + stream))
                .header("x-api-key", key)
                .method(method, HttpRequest.BodyPublishers.noBody());
        if (lastEvent != null) request.header("Last-Event-ID", lastEvent);
        return server.client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static double finished(TestServer server, String reason) {
        return server.total("sluice_choices_finished_total{model=\"test-model\",reason=\"" + reason + "\"");
    }
}

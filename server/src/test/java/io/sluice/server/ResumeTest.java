package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Streams that clients come back to.
@Timeout(600)
class ResumeTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String TEXT = "/v1/completions";

    static Stream<Arguments> answers() {
        String usage = ",\"stream_options\":{\"include_usage\":true}";
        return Stream.of(
                Arguments.of(CHAT, asking("Hello, world")),
                Arguments.of(CHAT, asking("fünf 🎉 sechs") + usage),
                Arguments.of(CHAT, asking("a story") + ",\"n\":3" + usage),
                Arguments.of(CHAT, asking("an END x") + ",\"stop\":\"END\",\"logprobs\":true,\"top_logprobs\":2"),
                Arguments.of(CHAT, asking("abc STO") + ",\"stop\":[\"STOP\"],\"logprobs\":true"),
                Arguments.of(CHAT, asking("cut short") + ",\"max_tokens\":5"),
                Arguments.of(TEXT, prompting("Hello, 世界") + ",\"logprobs\":2" + usage),
                Arguments.of(TEXT, prompting("ein ä") + ",\"n\":2,\"stop\":\"ä\""),
                Arguments.of(TEXT, "\"prompt\":[\"→one\",\"→three\"]"));
    }

    @ParameterizedTest
    @MethodSource("answers")
    void from_every_event_on_the_rest_is_exactly_what_is_missing(String path, String fields) throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            var whole = begin(server, path, fields);
            stepByStep(server, whole); // so that there are many events
            List<Event> all = Event.parse(whole.get().body());
            String stream = streamOf(whole.get());
            assertThat(all.getLast().isDone()).isTrue();
            assertThat(all).allSatisfy(event -> assertThat(event.id()).isNotEmpty());
            assertThat(all.stream().map(Event::id)).doesNotHaveDuplicates();
            // Tokens are there before the step that made them is counted.
            TestServer.await(
                    "the last step to be counted", () -> server.engine.stats().running() == 0);
            long computed = server.engine.stats().work().computedTokens();
            for (int seen = 0; seen < all.size() - 1; seen++) {
                var rest = resume(server, stream, all.get(seen).id());
                List<Event> both = new ArrayList<>(all.subList(0, seen + 1));
                both.addAll(Event.parse(rest.body()));
                assertThat(Event.sum(both))
                        .as("after event %d, %s", seen, all.get(seen))
                        .isEqualTo(Event.sum(all));
            }
            assertThat(Event.sum(Event.parse(resume(server, stream, null).body())))
                    .isEqualTo(Event.sum(all));
            assertThat(server.engine.stats().work().computedTokens()).isEqualTo(computed);
        }
    }

    @Test
    void whoever_has_everything_is_told_that_there_is_nothing_more() throws Exception {
        try (TestServer server = TestServer.start()) {
            var whole = begin(server, CHAT, asking("x")).get();
            String last = Event.parse(whole.body()).getLast().id();
            var rest = resume(server, streamOf(whole), last);
            assertThat(rest.statusCode()).isEqualTo(204);
            assertThat(rest.body()).isEmpty();
        }
    }

    @Test
    void who_did_not_ask_for_it_sees_no_ids() throws Exception {
        try (TestServer server = TestServer.start()) {
            for (String header : new String[] {"", "x-sluice-resumable: false\r\n"}) {
                try (RawClient client = new RawClient(server)) {
                    client.post(CHAT, chatBody(asking("x") + ",\"stream\":true"), header);
                    assertThat(client.readUntil("[DONE]"))
                            .doesNotContain("\nid:")
                            .doesNotContain("x-sluice-stream");
                }
            }
            assertThat(server.metric("sluice_resumable_streams")).isZero();
        }
    }

    @Test
    void a_cut_connection_costs_nothing_but_the_time_to_come_back() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            String cut;
            try (RawClient client = new RawClient(server)) {
                client.post(CHAT, chatBody(asking("to be continued") + ",\"stream\":true"), RESUMABLE);
                server.gate.allow(6);
                cut = client.readUntil("\"delta\":{\"content\":") + client.readUntil("\n\n");
            }
            // Nobody reads, and it goes on to its end.
            server.gate.open();
            TestServer.await("the engine to be done", () -> idle(server));
            assertThat(server.metric("sluice_choices_finished_total{model=\"test-model\",reason=\"stop\"}"))
                    .isEqualTo(1);
            long computed = server.engine.stats().work().computedTokens();
            List<Event> seen = RawClient.events(cut);
            List<Event> both = new ArrayList<>(seen);
            both.addAll(Event.parse(
                    resume(server, streamOf(cut), seen.getLast().id()).body()));
            assertThat(Event.sum(both))
                    .containsEntry("choice 0 text", "to be continued")
                    .containsEntry("choice 0 role", "assistant")
                    .containsEntry("end", "done");
            assertThat(server.engine.stats().work().computedTokens()).isEqualTo(computed);
            assertThat(server.metric("sluice_generation_tokens_total")).isEqualTo("to be continued".length() + 1.0);
            assertThat(server.metric("sluice_time_to_first_token_seconds_count"))
                    .isEqualTo(1);
        }
    }

    @Test
    void a_client_that_comes_back_while_it_goes_on_follows_it_to_the_end() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            String cut;
            try (RawClient client = new RawClient(server)) {
                client.post(TEXT, "{" + prompting("first second") + ",\"stream\":true}", RESUMABLE);
                server.gate.allow(3);
                cut = client.readUntil("\"text\":") + client.readUntil("\n\n");
            }
            List<Event> seen = RawClient.events(cut);
            try (RawClient client = new RawClient(server)) {
                client.sendHead(
                        "GET /v1/streams/" + streamOf(cut) + " HTTP/1.1",
                        "Host: localhost",
                        "Last-Event-ID: " + seen.getLast().id());
                client.readUntil("\n\n"); // it reads now, and waits
                server.gate.open();
                client.readUntil("[DONE]");
            }
        }
    }

    @Test
    void a_stop_text_ends_a_stream_that_nobody_reads() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            String cut;
            try (RawClient client = new RawClient(server)) {
                String endless = "\"prompt\":\"abc.\",\"max_tokens\":8000,\"stop\":\".\",\"stream\":true";
                client.post(TEXT, "{" + endless + "}", RESUMABLE);
                server.gate.allow(2);
                cut = client.readUntil("\"text\":\"a");
            }
            TestServer.await("the stop text to be found", () -> {
                server.gate.allow(1);
                return idle(server);
            });
            assertThat(server.gate.stepsDone()).isLessThan(4000);
            assertThat(Event.sum(Event.parse(resume(server, streamOf(cut), null).body())))
                    .containsEntry("choice 0 text", "abc")
                    .containsEntry("choice 0 finish", "stop");
        }
    }

    @Test
    void without_a_reader_for_too_long_a_stream_is_given_up() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withGrace(Duration.ofMillis(50)))) {
            server.gate.close();
            String cut;
            try (RawClient client = new RawClient(server)) {
                client.post(TEXT, "{\"prompt\":\"abc\",\"max_tokens\":8000,\"stream\":true}", RESUMABLE);
                server.gate.allow(3);
                cut = client.readUntil("\"text\":");
            }
            TestServer.await("the stream to be given up and its blocks to be free", () -> {
                server.gate.allow(1);
                return idle(server);
            });
            assertThat(server.gate.stepsDone()).isLessThan(8000);
            assertThat(server.metric("sluice_choices_finished_total{model=\"test-model\",reason=\"abort\"}"))
                    .isEqualTo(1);
            TestServer.await("its place to be free", () -> streams(server) == 0);
            notHere(resume(server, streamOf(cut), null));
        }
    }

    @Test
    void an_ended_stream_can_be_read_for_a_while_and_then_no_more() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withGrace(Duration.ofMillis(50)))) {
            var whole = begin(server, CHAT, asking("x")).get();
            TestServer.await("the stream to be forgotten", () -> streams(server) == 0);
            notHere(resume(server, streamOf(whole), null));
        }
    }

    @Test
    void a_stream_that_never_was_one_that_is_gone_and_somebody_elses_look_alike() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.owner = "alice";
            String stream = streamOf(begin(server, CHAT, asking("secret")).get());
            server.owner = "bob";
            var anothers = resume(server, stream, null);
            var unknown = resume(server, "stream-0123456789abcdef0123456789abcdef", null);
            notHere(anothers);
            assertThat(unknown.body()).isEqualTo(anothers.body());
            assertThat(delete(server, stream).body()).isEqualTo(anothers.body());
            server.owner = "alice";
            assertThat(resume(server, stream, null).body()).contains("[DONE]");
        }
    }

    @Test
    void an_event_id_that_was_never_sent_is_400() throws Exception {
        try (TestServer server = TestServer.start()) {
            String stream = streamOf(begin(server, CHAT, asking("abc END def") + ",\"stop\":\"END\"")
                    .get());
            for (String id : List.of(
                    "nonsense", "1-99", "1-3f", "1-3.3", "9-3", "1-8", "1-99999999999", "1-", "1-3-q", "-1-3")) {
                var response = resume(server, stream, id);
                assertThat(response.statusCode()).as(id).isEqualTo(400);
                assertThat(at(json(response.body()), "error.param")).isEqualTo("Last-Event-ID");
            }
        }
    }

    @Test
    void what_cannot_be_resumed_is_refused_by_the_headers_name() throws Exception {
        try (TestServer server = TestServer.start()) {
            try (RawClient client = new RawClient(server)) {
                client.post(CHAT, chatBody(asking("x")), RESUMABLE);
                assertThat(client.readResponse()).startsWith("HTTP/1.1 400").contains("x-sluice-resumable");
                client.post(CHAT, chatBody(asking("x") + ",\"stream\":true"), "x-sluice-resumable: perhaps\r\n");
                assertThat(client.readResponse()).startsWith("HTTP/1.1 400").contains("\"perhaps\\\"");
                client.post(TEXT, "{\"prompt\":[\"a\",\"b\"],\"n\":65,\"stream\":true}", RESUMABLE);
                assertThat(client.readResponse()).startsWith("HTTP/1.1 400").contains("at most 128 choices");
            }
            assertThat(streams(server)).isZero();
        }
    }

    @Test
    void a_server_may_keep_no_streams_at_all() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withResumableMax(0));
                RawClient client = new RawClient(server)) {
            client.post(CHAT, chatBody(asking("x") + ",\"stream\":true"), RESUMABLE);
            assertThat(client.readResponse()).startsWith("HTTP/1.1 400").contains("max-resumable-streams");
        }
    }

    @Test
    void a_deleted_stream_ends_and_is_gone() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post(TEXT, "{\"prompt\":\"abc\",\"max_tokens\":8000,\"stream\":true}", RESUMABLE);
            server.gate.allow(3);
            String head = client.readUntil("\"text\":");
            assertThat(delete(server, streamOf(head)).statusCode()).isEqualTo(204);
            assertThat(client.readUntil("\r\n0\r\n\r\n"))
                    .contains("event: error")
                    .contains("\"code\":\"stream_deleted\"")
                    .contains("\"retryable\":false")
                    .doesNotContain("[DONE]");
            notHere(resume(server, streamOf(head), null));
            server.gate.open();
            TestServer.await("its blocks to be free", () -> idle(server));
        }
    }

    @Test
    void a_stream_that_nobody_reads_can_be_deleted_too() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            String head;
            try (RawClient client = new RawClient(server)) {
                client.post(TEXT, "{\"prompt\":\"abc\",\"max_tokens\":8000,\"stream\":true}", RESUMABLE);
                server.gate.allow(3);
                head = client.readUntil("\"text\":");
            }
            assertThat(delete(server, streamOf(head)).statusCode()).isEqualTo(204);
            assertThat(streams(server)).isZero();
            TestServer.await("it to be given up", () -> server.service.open().count() == 0);
            server.gate.open();
            TestServer.await("its blocks to be free", () -> idle(server));
            notHere(delete(server, streamOf(head)));
        }
    }

    @Test
    void a_failure_reaches_a_client_that_came_back() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            String cut;
            try (RawClient client = new RawClient(server)) {
                client.post(TEXT, "{" + prompting("never complete") + ",\"stream\":true}", RESUMABLE);
                server.gate.allow(4);
                cut = client.readUntil("\"text\":") + client.readUntil("\n\n");
            }
            server.gate.breakDevice();
            TestServer.await("the engine to be dead", () -> !server.engine.isAlive());
            List<Event> seen = RawClient.events(cut);
            var rest = resume(server, streamOf(cut), seen.getLast().id());
            List<Event> events = Event.parse(rest.body());
            assertThat(events.getLast().isError()).isTrue();
            assertThat(at(events.getLast().json(), "error.code")).isEqualTo("device_lost");
            assertThat(at(events.getLast().json(), "error.retryable")).isEqualTo(true);
            // Who has seen that is told that there is nothing more.
            assertThat(resume(server, streamOf(cut), events.getLast().id()).statusCode())
                    .isEqualTo(204);
        }
    }

    static final String RESUMABLE = "x-sluice-resumable: true\r\n";

    static CompletableFuture<HttpResponse<String>> begin(TestServer server, String path, String fields) {
        HttpRequest request = HttpRequest.newBuilder(server.uri(path))
                .header("Content-Type", "application/json")
                .header("x-sluice-resumable", "true")
                .POST(HttpRequest.BodyPublishers.ofString(chatBody(fields + ",\"stream\":true")))
                .build();
        return server.client.sendAsync(request, HttpResponse.BodyHandlers.ofString());
    }

    static HttpResponse<String> resume(TestServer server, String stream, @Nullable String lastEventId)
            throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.uri("/v1/streams/" + stream));
        if (lastEventId != null) request.header("Last-Event-ID", lastEventId);
        return server.client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    static HttpResponse<String> delete(TestServer server, String stream) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(server.uri("/v1/streams/" + stream))
                .DELETE()
                .build();
        return server.client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    static String streamOf(HttpResponse<?> response) {
        return response.headers().firstValue("x-sluice-stream").orElseThrow();
    }

    static String streamOf(String head) {
        return head.lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("x-sluice-stream: "))
                .findFirst()
                .orElseThrow()
                .substring("x-sluice-stream: ".length());
    }

    /// Steps one at a time, each when the tokens of the one before have been read or have had their time: so there are
    /// many events. What they come to depends on none of it.
    private static void stepByStep(TestServer server, CompletableFuture<?> until) throws Exception {
        TestServer.await(
                "the request to be admitted", () -> server.service.open().count() == 1);
        for (int step = 1; !until.isDone(); step++) {
            int steps = step;
            server.gate.allow(1);
            TestServer.await(
                    "the step",
                    () -> until.isDone() || server.engine.stats().work().steps() >= steps);
            for (int look = 0; look < 20 && !until.isDone() && !isAllRead(server); look++) Thread.onSpinWait();
        }
    }

    private static boolean isAllRead(TestServer server) {
        double first = server.metric("sluice_time_to_first_token_seconds_count");
        double further = server.metric("sluice_inter_token_latency_seconds_count");
        return first + further >= server.engine.stats().work().sampledTokens();
    }

    private static void notHere(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(404);
        assertThat(at(json(response.body()), "error.code")).isEqualTo("stream_not_here");
        assertThat((String) at(json(response.body()), "error.message")).contains("instance", "stream-grace");
    }

    private static double streams(TestServer server) {
        return server.metric("sluice_resumable_streams");
    }

    private static boolean idle(TestServer server) {
        var stats = server.engine.stats();
        return stats.running() == 0 && stats.waiting() == 0 && stats.blocks().used() == 0;
    }
}

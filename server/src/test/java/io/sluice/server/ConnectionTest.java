package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.prompting;
import static io.sluice.server.TestServer.text;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/// Clients that leave, that are slow, that send the next request before they have the answer to the last.
class ConnectionTest {
    private static final String ENDLESS = "{\"prompt\":\"abc\",\"max_tokens\":8000}";

    @Test
    void a_client_that_leaves_while_it_waits_for_a_whole_answer_frees_its_blocks() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            try (RawClient client = new RawClient(server)) {
                client.post("/v1/completions", ENDLESS);
                server.gate.allow(3);
                TestServer.await(
                        "its first tokens", () -> server.engine.stats().work().sampledTokens() >= 2);
                assertThat(server.engine.stats().blocks().used()).isPositive();
            }
            awaitCancelled(server);
        }
    }

    @Test
    void a_client_that_leaves_before_the_first_token_is_noticed() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            try (RawClient client = new RawClient(server)) {
                client.post("/v1/completions", ENDLESS.replace("}", ",\"stream\":true}"));
                TestServer.await("the request to be admitted", () -> admitted(server));
            }
            awaitCancelled(server);
        }
    }

    @Test
    void a_client_that_leaves_in_the_middle_of_a_stream_is_noticed() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            try (RawClient client = new RawClient(server)) {
                client.post("/v1/completions", ENDLESS.replace("}", ",\"stream\":true}"));
                server.gate.allow(5);
                client.readUntil("\"text\":");
            }
            awaitCancelled(server);
        }
    }

    /// The request ends as given up, long before its 8000 steps.
    private static void awaitCancelled(TestServer server) throws Exception {
        TestServer.await("the request to be given up", () -> {
            server.gate.allow(1);
            return server.metric("sluice_choices_finished_total{model=\"test-model\",reason=\"abort\"}") == 1;
        });
        TestServer.await("its blocks to be free", () -> {
            server.gate.allow(1);
            return idle(server);
        });
        assertThat(server.gate.stepsDone()).isLessThan(4000);
    }

    @Test
    void connections_are_kept_after_watched_answers_streamed_or_whole() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient client = new RawClient(server)) {
            for (int i = 0; i < 3; i++) {
                client.post("/v1/completions", "{" + prompting("whole" + i) + "}");
                assertThat(client.readResponse()).contains("whole" + i);
                client.post("/v1/completions", "{" + prompting("x") + ",\"stream\":true}");
                client.readUntil("[DONE]");
                client.readUntil("\r\n0\r\n\r\n");
            }
        }
    }

    @Test
    void requests_sent_ahead_are_answered_in_order() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post("/v1/completions", "{" + prompting("first") + "}");
            TestServer.await("the first to be admitted", () -> admitted(server));
            client.send(RawClient.postText("/v1/completions", "{" + prompting("second") + "}")
                    + RawClient.postText("/v1/completions", "{" + prompting("third") + "}"));
            server.gate.open();
            assertThat(client.readResponse()).contains("\"text\":\"first\"");
            assertThat(client.readResponse()).contains("\"text\":\"second\"");
            assertThat(client.readResponse()).contains("\"text\":\"third\"");
        }
    }

    @Test
    void a_client_that_wants_the_connection_closed_gets_its_end() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient client = new RawClient(server)) {
            String json = "{" + prompting("bye") + "}";
            client.sendHead(
                    "POST /v1/completions HTTP/1.1",
                    "Host: localhost",
                    "Connection: close",
                    "Content-Length: " + (json.length() + 2));
            client.send(json);
            assertThat(client.readToEnd()).contains("\"text\":\"bye\"");
        }
    }

    @Test
    void a_body_that_stops_in_the_middle_ends_its_connection_only() throws Exception {
        try (TestServer server = TestServer.start()) {
            try (RawClient client = new RawClient(server)) {
                client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Length: 1000");
                client.send("{\"prompt\":");
            }
            assertThat(server.get("/livez").statusCode()).isEqualTo(200);
            assertThat(server.chat(asking("x")).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void a_stream_that_waits_sends_comments() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withHeartbeat(Duration.ofMillis(20)));
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post("/v1/chat/completions", chatBody(asking("late") + ",\"stream\":true"));
            client.readUntil(": still working\n\n");
            client.readUntil(": still working\n\n");
            server.gate.open();
            assertThat(client.readUntil("[DONE]")).contains("data: ");
        }
    }

    @Test
    void a_slow_reader_gets_the_same_text_in_fewer_pieces_and_holds_up_nobody() throws Exception {
        // Some 25 MB: more than the sockets' buffers hold.
        String request = "{\"prompt\":\"abc\",\"max_tokens\":8000,\"n\":7,\"logprobs\":20,\"stream\":true}";
        try (TestServer server = TestServer.start();
                RawClient slow = new RawClient(server)) {
            slow.post("/v1/completions", request);
            slow.readUntil("\"text\":");
            // It stands still while nobody reads the rest, and the others do not.
            TestServer.await(
                    "the engine to wait for it", () -> server.engine.stats().paused() == 7);
            assertThat(server.chat(asking("quick")).statusCode()).isEqualTo(200);
            String rest = slow.readUntil("[DONE]");
            long pieces = rest.lines().filter(line -> line.startsWith("data: ")).count();
            assertThat(pieces).isLessThan(7 * 8000);
            assertThat(rest).contains("\"finish_reason\":\"length\"");
        }
    }

    @Test
    void what_a_slow_reader_gets_is_the_text() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            var answer = server.client.sendAsync(
                    server.request("/v1/chat/completions", chatBody(asking("coalesced") + ",\"stream\":true")),
                    HttpResponse.BodyHandlers.ofString());
            TestServer.await("the request to be admitted", () -> admitted(server));
            server.gate.open();
            assertThat(text(chunks(answer.get().body()), 0)).isEqualTo("coalesced");
        }
    }

    private static boolean admitted(TestServer server) {
        return server.metric("sluice_requests_admitted_total") >= 1;
    }

    private static boolean idle(TestServer server) {
        var stats = server.engine.stats();
        return stats.running() == 0 && stats.waiting() == 0 && stats.blocks().used() == 0;
    }
}

package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static io.sluice.server.TestServer.text;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/// The routes of hosts that know two: is it there, and do what this says.
class InvocationsTest {

    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void a_request_is_what_its_fields_say() throws Exception {
        assertThat(json(server.post("/invocations", "{" + asking("Hi") + "}").body()))
                .containsEntry("object", "chat.completion");
        assertThat(json(server.post("/invocations", "{" + prompting("Hi") + "}").body()))
                .containsEntry("object", "text_completion");
        assertThat(json(server.post("/invocations", "{\"input\":\"Hi\"}").body()))
                .containsEntry("object", "list");
        var streamed = server.post("/invocations", "{" + asking("Hi") + ",\"stream\":true}");
        assertThat(text(chunks(streamed.body()), 0)).isEqualTo("Hi");
    }

    @Test
    void a_request_that_says_nothing_is_told_what_to_say() throws Exception {
        var response = server.post("/invocations", "{\"temperature\":1}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat((String) at(json(response.body()), "error.message")).contains("messages", "prompt", "input");
    }

    @Test
    void a_ping_is_answered_like_a_look_at_its_health() throws Exception {
        assertThat(server.get("/ping").statusCode()).isEqualTo(200);
        assertThat(server.post("/ping", "{}").statusCode()).isEqualTo(405);
    }
}

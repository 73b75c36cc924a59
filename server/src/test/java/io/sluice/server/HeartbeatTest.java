package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Streams that have nothing to say for a while.
@Timeout(240)
class HeartbeatTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String BEAT = ": still working\n\n";

    @Test
    void a_stream_that_waits_in_the_queue_is_opened_and_kept_alive() throws Exception {
        try (TestServer server = TestServer.start(quick().withSequencesMax(1));
                RawClient first = new RawClient(server);
                RawClient waiting = new RawClient(server)) {
            server.gate.close();
            first.post("/v1/completions", "{\"prompt\":\"abc\",\"max_tokens\":8000,\"stream\":true}");
            TestServer.await("the first to run", () -> server.service.open().count() == 1);
            waiting.post(CHAT, chatBody(asking("in the end") + ",\"stream\":true"));
            assertThat(waiting.readUntil(BEAT)).startsWith("HTTP/1.1 200").contains("text/event-stream");
            waiting.readUntil(BEAT);
            first.endSending(); // which counts as gone
            server.gate.open();
            waiting.readUntil("[DONE]");
        }
    }

    @Test
    void a_long_prompt_is_computed_under_heartbeats() throws Exception {
        try (TestServer server = TestServer.start(quick());
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post(
                    "/v1/completions",
                    "{" + prompting("at last") + ",\"stream\":true,\"user\":\"x\"}".replace("Say ", "x".repeat(6000)));
            for (int step = 0; step < 5; step++) {
                client.readUntil(BEAT);
                server.gate.allow(1); // a part of the prompt, and no token yet
            }
            server.gate.open();
            client.readUntil("[DONE]");
        }
    }

    @Test
    void text_that_is_held_back_is_silence_too() throws Exception {
        // What may become a stop text is not shown, though tokens come.
        String stop = "x".repeat(4000) + "!";
        try (TestServer server = TestServer.start(quick());
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post(
                    "/v1/completions",
                    "{\"prompt\":\"xx\",\"max_tokens\":8000,\"stream\":true,\"stop\":\"" + stop + "\"}");
            client.readUntil(BEAT);
            for (int step = 0; step < 10; step++) {
                server.gate.allow(1);
                client.readUntil(BEAT);
            }
            assertThat(server.engine.stats().work().sampledTokens()).isGreaterThan(5);
        }
    }

    @Test
    void what_is_refused_is_a_status_however_short_the_heartbeat() throws Exception {
        try (TestServer server = TestServer.start(quick())) {
            server.lifecycle.drain();
            assertThat(server.chat(asking("x") + ",\"stream\":true").statusCode())
                    .isEqualTo(503);
        }
    }

    @Test
    void after_a_heartbeat_a_failure_is_an_error_event() throws Exception {
        try (TestServer server = TestServer.start(quick());
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post(CHAT, chatBody(asking("never") + ",\"stream\":true"));
            client.readUntil(BEAT);
            server.gate.failSteps();
            server.gate.allow(2); // the step, and another try
            assertThat(client.readUntil("\r\n0\r\n\r\n"))
                    .contains("event: error")
                    .contains("\"code\":\"generation_failed\"")
                    .doesNotContain("[DONE]");
        }
    }

    private static Options quick() {
        return Options.usual().withHeartbeat(Duration.ofMillis(20));
    }
}

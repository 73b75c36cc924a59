package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.generation.Interruption;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Answers that break off say so, whatever the cause: none looks complete.
@Timeout(240)
class EndingsTest {
    private static final String CHAT = "/v1/chat/completions";

    /// More than it takes to find out which sequence a step fails for.
    private static final int TRIES = 10;

    /// What happens, the status that tells it before the first byte, its code, and whether trying again is worth it.
    static Stream<Arguments> causes() {
        return Stream.of(
                cause("a failed step", server -> server.gate.failSteps(), 503, "generation_failed", true),
                cause("no finite logit", server -> server.gate.becomeDizzy(), 503, "generation_failed", true),
                cause("a lost device", server -> server.gate.breakDevice(), 503, "device_lost", true),
                cause("a server that stops", EndingsTest::stop, 503, "draining", true),
                cause("a revoked key", EndingsTest::revoke, 401, "key_revoked", false));
    }

    private static Arguments cause(
            String name, Consumer<TestServer> happens, int status, String code, boolean retryable) {
        return Arguments.of(name, happens, status, code, retryable);
    }

    private static void stop(TestServer server) {
        server.service.open().interrupt(Interruption.SERVER_STOPPING, _ -> true);
    }

    private static void revoke(TestServer server) {
        server.service.open().interrupt(Interruption.KEY_REVOKED, _ -> true);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("causes")
    void after_the_first_byte_it_is_one_error_event_and_the_end(
            String name, Consumer<TestServer> happens, int status, String code, boolean retryable) throws Exception {
        for (String fields : List.of("", ",\"n\":3", ",\"stream_options\":{\"include_usage\":true}")) {
            try (TestServer server = TestServer.start();
                    RawClient client = new RawClient(server)) {
                server.gate.close();
                client.post(CHAT, chatBody(asking("never complete") + ",\"stream\":true" + fields));
                server.gate.allow(3);
                String response = client.readUntil("\"delta\":{\"content\":\"n");
                happens.accept(server);
                server.gate.allow(TRIES);
                response += client.readUntil("\r\n0\r\n\r\n"); // the response itself is whole
                assertThat(response)
                        .contains("text/event-stream; charset=utf-8")
                        .doesNotContain("\"error\":null");
                List<Event> events = RawClient.events(response.substring(0, response.length() - "0\r\n\r\n".length()));
                checkError(events.getLast(), code, retryable);
                for (Event event : events.subList(0, events.size() - 1)) {
                    assertThat(event.isError() || event.isDone())
                            .as(event.data())
                            .isFalse();
                    assertThat(event.data()).contains("\"finish_reason\":null").doesNotContain("\"usage\"");
                }
            }
        }
    }

    private static void checkError(Event last, String code, boolean retryable) {
        assertThat(last.type()).isEqualTo("error");
        Map<String, Object> error = last.json();
        assertThat(error).containsOnlyKeys("error");
        assertThat(at(error, "error.message")).isInstanceOf(String.class);
        assertThat(at(error, "error.type")).isInstanceOf(String.class);
        assertThat(last.data()).contains("\"param\":null");
        assertThat(at(error, "error.code")).isEqualTo(code);
        assertThat(at(error, "error.retryable")).isEqualTo(retryable);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("causes")
    void before_the_first_byte_it_is_a_status_streamed_or_not(
            String name, Consumer<TestServer> happens, int status, String code, boolean retryable) throws Exception {
        for (String stream : List.of("true", "false")) {
            try (TestServer server = TestServer.start()) {
                server.gate.close();
                var answer = ask(server, asking("x") + ",\"stream\":" + stream);
                TestServer.await(
                        "it to be admitted", () -> server.service.open().count() == 1);
                happens.accept(server);
                server.gate.allow(TRIES);
                assertThat(answer.get().statusCode()).as(answer.get().body()).isEqualTo(status);
                assertThat(at(json(answer.get().body()), "error.code")).isEqualTo(code);
                assertThat(answer.get().headers().firstValue("retry-after").isPresent())
                        .isEqualTo(retryable);
                assertThat(answer.get().headers().firstValue("x-should-retry").isPresent())
                        .isEqualTo(!retryable);
            }
        }
    }

    @Test
    void an_interruption_does_not_wait_for_a_step_that_hangs() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient client = new RawClient(server)) {
            server.gate.close();
            client.post(CHAT, chatBody(asking("never complete") + ",\"stream\":true"));
            server.gate.allow(3);
            client.readUntil("\"delta\":{\"content\":\"n");
            stop(server);
            client.readUntil("\"code\":\"draining\"");
            TestServer.await(
                    "the answer to be given up", () -> server.service.open().count() == 0);
        }
    }

    @Test
    void what_was_whole_when_the_interruption_came_stays_so() throws Exception {
        try (TestServer server = TestServer.start()) {
            assertThat(server.chat(asking("whole")).body()).contains("whole");
            stop(server);
            assertThat(server.chat(asking("and the next")).body()).contains("and the next");
        }
    }

    @Test
    void one_request_that_fails_leaves_the_others_as_they_are() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            var one = ask(server, asking("one") + ",\"stream\":true");
            TestServer.await("it to be admitted", () -> server.service.open().count() == 1);
            server.gate.failSteps();
            server.gate.allow(TRIES);
            assertThat(one.get().statusCode()).isEqualTo(503);
            server.gate.heal();
            server.gate.open();
            assertThat(server.chat(asking("another")).body()).contains("another");
            assertThat(server.get("/readyz").statusCode()).isEqualTo(200);
            assertThat(server.engine.drain(Duration.ofSeconds(20))).isTrue();
        }
    }

    private static CompletableFuture<HttpResponse<String>> ask(TestServer server, String fields) {
        return server.client.sendAsync(server.request(CHAT, chatBody(fields)), HttpResponse.BodyHandlers.ofString());
    }
}

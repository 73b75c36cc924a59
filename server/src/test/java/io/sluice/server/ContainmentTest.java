package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.MeddledRunner.Fault;
import io.sluice.server.MeddledRunner.Meddler;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What goes wrong with one request on the real runner reaches no other, and what goes wrong with the device is said to
/// all. The demo model, in float32.
@Timeout(600)
class ContainmentTest {
    private static final int OTHERS = 7;
    private static final int TOKENS = 60;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @ParameterizedTest
    @EnumSource(names = {"NO_MEMORY", "KERNEL", "NOT_FINITE"})
    void one_request_fails_and_the_others_are_what_they_are_without_it(Fault fault) throws Exception {
        try (RealServer server = RealServer.start(folder, "admin-port", "off")) {
            List<String> expected = texts(askAll(server));
            String victimsText = text(server.ask("", victim(false)).get());
            server.meddler.cause(fault, () -> server.streamsBegun() > 0);

            server.meddler.hold(); // so that they run together
            var victim = server.ask("", victim(true));
            var others = askAll(server);
            TestServer.await(
                    "all to be admitted", () -> server.metric("", "sluice_requests_admitted_total") == 2 * OTHERS + 2);
            server.meddler.letGo();

            List<Event> events = Event.parse(victim.get().body());
            assertThat(events.getLast().isError()).isTrue();
            assertThat(at(events.getLast().json(), "error.code")).isEqualTo("generation_failed");
            assertThat(at(events.getLast().json(), "error.retryable")).isEqualTo(true);
            String before = Event.sum(events).getOrDefault("choice 0 text", "");
            assertThat(before).isNotEmpty();
            assertThat(victimsText).startsWith(before).isNotEqualTo(before);
            assertThat(texts(others)).isEqualTo(expected);

            awaitIdle(server);
            assertThat(server.metric("", "sluice_kv_blocks_leaked")).isZero();
            assertThat(server.metric("", "sluice_choices_finished_total{model=\"sluice-demo\",reason=\"error\""))
                    .isEqualTo(1);
            if (fault != Fault.NOT_FINITE)
                assertThat(server.metric("", "sluice_failed_sequences_total")).isEqualTo(1);
            // Nothing is left of it: the same request goes well once nothing goes wrong.
            server.meddler.cause(Fault.NONE);
            assertThat(text(server.ask("", victim(false)).get())).isEqualTo(victimsText);
            assertThat(server.status("/readyz")).isEqualTo(200);
            assertThat(server.status("/livez")).isEqualTo(200);
        }
    }

    @Test
    void a_lost_device_is_said_to_everybody_and_by_the_probes() throws Exception {
        try (RealServer server = RealServer.start(folder, "admin-port", "off")) {
            server.meddler.hold();
            List<CompletableFuture<HttpResponse<String>>> streams = new ArrayList<>();
            for (int i = 0; i < OTHERS; i++) {
                streams.add(server.ask("", request(i, TOKENS).replace("{", "{\"stream\":true,")));
            }
            streams.add(server.ask("", victim(true)));
            TestServer.await(
                    "all to be admitted", () -> server.metric("", "sluice_requests_admitted_total") == OTHERS + 1);
            server.meddler.cause(Fault.DEVICE_LOST, () -> server.streamsBegun() > OTHERS);
            server.meddler.letGo();
            for (var stream : streams) {
                assertThat(stream.get().statusCode()).isEqualTo(200);
                Event last = Event.parse(stream.get().body()).getLast();
                assertThat(last.isError()).as(last.data()).isTrue();
                assertThat(at(last.json(), "error.code")).isEqualTo("device_lost");
                assertThat(at(last.json(), "error.retryable")).isEqualTo(true);
            }
            assertThat(server.status("/livez")).isEqualTo(503);
            assertThat(server.status("/readyz")).isEqualTo(503);
            assertThat(server.ask("", request(0, 1)).get().statusCode()).isEqualTo(503);
            assertThat(server.metric("", "sluice_choices_finished_total{model=\"sluice-demo\",reason=\"error\""))
                    .isEqualTo(OTHERS + 1);
        }
    }

    /// Sampled, not greedy: any difference in the logits would show sooner.
    private static String request(int number, int tokens) {
        return "{\"prompt\":\"Once upon a time there were " + number + " foxes" + " and a dog".repeat(5 * number)
                + ".\",\"max_tokens\":" + tokens + ",\"ignore_eos\":true,\"temperature\":0.9,\"seed\":" + number + "}";
    }

    private static String victim(boolean stream) {
        return "{\"prompt\":\"The one that fails\",\"max_tokens\":40,\"ignore_eos\":true,\"temperature\":0.9,\"seed\":"
                + Meddler.VICTIM_SEED + ",\"stream\":" + stream + "}";
    }

    private static List<CompletableFuture<HttpResponse<String>>> askAll(RealServer server) {
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < OTHERS; i++) answers.add(server.ask("", request(i, TOKENS)));
        return answers;
    }

    private static List<String> texts(List<CompletableFuture<HttpResponse<String>>> answers) throws Exception {
        List<String> texts = new ArrayList<>();
        for (var answer : answers) texts.add(text(answer.get()));
        return texts;
    }

    private static String text(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return String.valueOf(at(json(answer.body()), "choices.0.text"));
    }

    private static void awaitIdle(RealServer server) throws InterruptedException {
        TestServer.await("all blocks to be free", () -> server.metric("", "sluice_kv_blocks_used") == 0);
    }
}

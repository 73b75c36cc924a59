package io.sluice.server;

import static io.sluice.server.ResumeTest.RESUMABLE;
import static io.sluice.server.ResumeTest.begin;
import static io.sluice.server.ResumeTest.resume;
import static io.sluice.server.ResumeTest.streamOf;
import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Streams that several connections want, and more streams than are kept.
@Timeout(600)
class TakeOverTest {
    private static final String TEXT = "/v1/completions";
    private static final String CHAT = "/v1/chat/completions";

    /// Long enough to fill what the system buffers on both sides.
    private static final String LONG = "{\"prompt\":\"abc\",\"max_tokens\":2000,\"logprobs\":20,\"stream\":true}";

    @Test
    void a_second_reader_takes_the_stream_over_and_the_first_is_told() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient first = new RawClient(server);
                RawClient second = new RawClient(server)) {
            server.gate.close();
            first.post(TEXT, "{" + prompting("for two") + ",\"stream\":true}", RESUMABLE);
            server.gate.allow(3);
            String head = first.readUntil("\"text\":") + first.readUntil("\n\n");
            get(second, streamOf(head), RawClient.events(head).getLast().id());
            second.readUntil(": still working\n\n");
            assertThat(first.readUntil("\r\n0\r\n\r\n"))
                    .contains("event: error")
                    .contains("\"code\":\"stream_taken_over\"")
                    .contains("\"retryable\":false")
                    .doesNotContain("[DONE]");
            server.gate.open();
            second.readUntil("\"finish_reason\":\"stop\"");
            second.readUntil("[DONE]");
        }
    }

    @Test
    void a_reader_that_takes_nothing_cannot_keep_the_stream() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient stalled = RawClient.withSmallBuffer(server)) {
            stalled.post(TEXT, LONG, RESUMABLE);
            String head = stalled.readUntil("\"text\":");
            TestServer.await(
                    "the engine to wait for it", () -> server.engine.stats().paused() == 1);
            List<Event> all = Event.parse(resume(server, streamOf(head), null).body());
            assertThat(Event.sum(all))
                    .containsEntry("choice 0 finish", "length")
                    .containsEntry("end", "done");
        }
    }

    @Test
    void of_many_who_want_the_stream_one_gets_it_and_the_others_are_told() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient first = new RawClient(server)) {
            server.gate.close();
            first.post(TEXT, "{" + prompting("for all") + ",\"stream\":true}", RESUMABLE);
            server.gate.allow(3);
            String stream = streamOf(first.readUntil("\"text\":"));
            List<CompletableFuture<HttpResponse<String>>> others = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                others.add(CompletableFuture.supplyAsync(() -> {
                    try {
                        return resume(server, stream, null);
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                }));
            }
            TestServer.await(
                    "all but one to be told",
                    () -> others.stream().filter(CompletableFuture::isDone).count() == 19);
            server.gate.open();
            int complete = 0;
            for (var other : others) {
                var sum = Event.sum(Event.parse(other.get().body()));
                if ("done".equals(sum.get("end"))) {
                    complete++;
                    assertThat(sum).containsEntry("choice 0 text", "for all");
                } else {
                    assertThat(sum).containsEntry("end", "stream_taken_over");
                }
            }
            assertThat(complete).isEqualTo(1);
        }
    }

    @Test
    void when_all_places_are_taken_by_streams_that_go_on_a_further_one_is_refused_as_a_status() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withResumableMax(2))) {
            server.gate.close();
            var one = begin(server, CHAT, asking("one"));
            TestServer.await("one to be admitted", () -> server.service.open().count() == 1);
            var two = begin(server, CHAT, asking("two"));
            TestServer.await("two to be admitted", () -> server.service.open().count() == 2);
            refused(begin(server, CHAT, asking("three")).get(), 429);
            // Others are not concerned.
            var plain = server.client.sendAsync(
                    server.request(CHAT, TestServer.chatBody(asking("plain"))), HttpResponse.BodyHandlers.ofString());
            server.gate.open();
            assertThat(plain.get().statusCode()).isEqualTo(200);
            assertThat(one.get().body()).contains("[DONE]");
            assertThat(two.get().body()).contains("[DONE]");
            // Streams whose end is delivered give way, the oldest first.
            TestServer.await("both to be delivered", () -> server.service.open().count() == 0);
            assertThat(begin(server, CHAT, asking("four")).get().body()).contains("[DONE]");
            assertThat(resume(server, streamOf(one.get()), null).statusCode()).isEqualTo(404);
            assertThat(resume(server, streamOf(two.get()), null).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void one_owner_cannot_take_all_places() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withResumableMax(8))) {
            server.gate.close();
            server.owner = "alice";
            var streams = new ArrayList<CompletableFuture<HttpResponse<String>>>();
            streams.add(begin(server, CHAT, asking("one")));
            streams.add(begin(server, CHAT, asking("two")));
            TestServer.await("two to be admitted", () -> server.service.open().count() == 2);
            refused(begin(server, CHAT, asking("three")).get(), 429);
            server.owner = "bob";
            streams.add(begin(server, CHAT, asking("bob's")));
            TestServer.await("it to be admitted", () -> server.service.open().count() == 3);
            server.gate.open();
            for (var stream : streams) assertThat(stream.get().body()).contains("[DONE]");
        }
    }

    @Test
    void a_request_that_is_refused_keeps_no_place() throws Exception {
        try (TestServer server = TestServer.start()) {
            assertThat(begin(server, CHAT, asking("x") + ",\"max_tokens\":100000")
                            .get()
                            .statusCode())
                    .isEqualTo(400);
            assertThat(server.metric("sluice_resumable_streams")).isZero();
        }
    }

    @Test
    void a_client_that_leaves_before_it_knows_its_streams_name_leaves_nothing_behind() throws Exception {
        try (TestServer server = TestServer.start()) {
            server.gate.close();
            try (RawClient client = new RawClient(server)) {
                client.post(TEXT, "{\"prompt\":\"abc\",\"max_tokens\":8000,\"stream\":true}", RESUMABLE);
                TestServer.await(
                        "it to be admitted", () -> server.service.open().count() == 1);
            }
            TestServer.await("it to be given up", () -> server.service.open().count() == 0);
            assertThat(server.metric("sluice_resumable_streams")).isZero();
        }
    }

    private static void get(RawClient client, String stream, String lastEventId) throws Exception {
        client.sendHead("GET /v1/streams/" + stream + " HTTP/1.1", "Host: localhost", "Last-Event-ID: " + lastEventId);
    }

    private static void refused(HttpResponse<String> response, int status) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(at(json(response.body()), "error.code")).isEqualTo("too_many_streams");
        assertThat(response.headers().firstValue("retry-after")).isPresent();
    }
}

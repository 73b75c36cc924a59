package io.sluice.server;

import static io.sluice.server.ResumeTest.RESUMABLE;
import static io.sluice.server.ResumeTest.streamOf;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Many clients at once whose connections break at random, some of which come back before the server has noticed.
@Timeout(600)
class RandomCutsTest {
    private static final int CLIENTS = 24;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void every_client_has_its_whole_answer_in_the_end_and_nothing_is_left_behind(long seed) throws Exception {
        try (TestServer server =
                TestServer.start(Options.usual().withSequencesMax(CLIENTS).withResumableMax(CLIENTS))) {
            SplittableRandom random = new SplittableRandom(seed);
            List<CompletableFuture<Map<String, String>>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                Client client = new Client(server, "client " + i + " gets exactly this, ü and 🎉 too", random.split());
                clients.add(CompletableFuture.supplyAsync(
                        client::readAll, task -> Thread.ofVirtual().start(task)));
            }
            for (int i = 0; i < CLIENTS; i++) {
                assertThat(clients.get(i).get())
                        .as("client %d of seed %d", i, seed)
                        .containsEntry("choice 0 text", "client " + i + " gets exactly this, ü and 🎉 too")
                        .containsEntry("choice 0 finish", "stop")
                        .containsEntry("end", "done")
                        .hasSize(4); // the usage besides
            }
            TestServer.await("all to be delivered", () -> server.service.open().count() == 0);
            assertThat(server.engine.stats().blocks().used()).isZero();
            assertThat(server.metric("sluice_choices_finished_total{model=\"test-model\",reason=\"stop\"}"))
                    .isEqualTo(CLIENTS);
            assertThat(server.metric("sluice_request_duration_seconds_count")).isEqualTo(CLIENTS);
        }
    }

    private record Client(TestServer server, String answer, SplittableRandom random) {

        Map<String, String> readAll() {
            List<Event> events = new ArrayList<>();
            String head = "";
            while (events.isEmpty() || !events.getLast().isDone()) {
                String part = connect(head, events);
                if (head.isEmpty()) head = part;
                // An earlier connection of this very client may be told that it is not the reader any more.
                for (Event event : RawClient.events(part)) {
                    if (!event.isError()) events.add(event);
                }
            }
            return Event.sum(events);
        }

        /// One connection, which is left open or broken after a few events.
        private String connect(String head, List<Event> events) {
            try (RawClient client = new RawClient(server)) {
                if (head.isEmpty()) {
                    String fields = prompting(answer) + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}";
                    client.post("/v1/completions", "{" + fields + "}", RESUMABLE);
                } else {
                    String last = events.isEmpty()
                            ? ""
                            : "\r\nLast-Event-ID: " + events.getLast().id();
                    client.sendHead("GET /v1/streams/" + streamOf(head) + " HTTP/1.1", "Host: localhost" + last);
                }
                StringBuilder part = new StringBuilder(client.readUntil("\r\n\r\n"));
                for (int left = 1 + random.nextInt(6); left > 0; left--) {
                    String next = client.readUntil("\n\n");
                    part.append(next);
                    if (next.contains("[DONE]")) break;
                }
                return part.toString();
            } catch (Exception e) {
                throw new AssertionError(answer, e);
            }
        }
    }
}

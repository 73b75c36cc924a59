package io.sluice.server;

import static io.sluice.server.BatchClient.CHAT;
import static io.sluice.server.BatchClient.chatLine;
import static io.sluice.server.BatchClient.description;
import static io.sluice.server.BatchClient.keeping;
import static io.sluice.server.BatchClient.line;
import static io.sluice.server.BatchClient.named;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.batches.BatchRunner;
import io.sluice.server.batches.BatchStore;
import io.sluice.server.http.RequestBodies;
import io.sluice.server.openai.ResumableStreams;
import io.sluice.server.openai.Serving;
import io.sluice.server.openai.StreamOwners;
import io.sluice.server.openai.Unattended;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Files of requests, answered when there is room, also after a restart.
class BatchesTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path keys;

    @Test
    void a_batch_answers_each_line_of_its_file() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            String input = chatLine("a", "Hello") + chatLine("b", "Bye") + line("c", "{\"messages\":[]}") + "\n";
            String batch = client.create(client.upload(input));
            Map<String, Object> over = client.awaitOver(batch);
            assertThat(over).containsEntry("status", "completed").containsEntry("object", "batch");
            assertThat(at(over, "request_counts.total")).isEqualTo(3L);
            assertThat(at(over, "request_counts.completed")).isEqualTo(2L);
            assertThat(at(over, "request_counts.failed")).isEqualTo(1L);
            Map<String, Map<String, Object>> answers = client.results(over, "output_file_id");
            assertThat(answers.keySet()).containsExactly("a", "b");
            assertThat(at(named(answers, "a"), "response.status_code")).isEqualTo(200L);
            assertThat(at(named(answers, "a"), "response.body.choices.0.message.content"))
                    .isEqualTo("Hello");
            Map<String, Map<String, Object>> errors = client.results(over, "error_file_id");
            assertThat(errors.keySet()).containsExactly("c");
            assertThat(at(named(errors, "c"), "response.status_code")).isEqualTo(400L);
            assertThat(at(named(errors, "c"), "response.body.error.param")).isEqualTo("messages");
        }
    }

    @Test
    void a_batch_may_ask_for_embeddings() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            String path = "/v1/embeddings";
            String file = client.upload(
                    line("a", "{\"input\":\"Rome\",\"normalize\":false}").replace(CHAT, path) + "\n");
            Map<String, Object> over = client.awaitOver(client.create(file, ",\"endpoint\":\"" + path + "\""));
            Map<String, Object> answer = named(client.results(over, "output_file_id"), "a");
            assertThat(at(answer, "response.body.data.0.embedding.0")).isEqualTo((double) 'e');
        }
    }

    @Test
    void its_requests_go_last_and_leave_records() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            Map<String, Object> over = client.awaitOver(client.create(client.upload(chatLine("a", "x"))));
            Object id = at(named(client.results(over, "output_file_id"), "a"), "response.request_id");
            Map<String, Object> request = new KeyedClient(server, "").adminJson("/admin/requests/" + id);
            assertThat(request).containsEntry("class", "batch").containsEntry("path", CHAT);
        }
    }

    @Test
    void a_refused_request_leaves_a_record_too() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            String file = client.upload(line("a", "{\"messages\":[]}") + "\n");
            Map<String, Object> error =
                    named(client.results(client.awaitOver(client.create(file)), "error_file_id"), "a");
            Object id = at(error, "response.request_id");
            assertThat(error).containsEntry("id", "batch_" + id);
            Map<String, Object> request = new KeyedClient(server, "").adminJson("/admin/requests/" + id);
            assertThat(at(request, "decision.status")).isEqualTo(400L);
        }
    }

    @Test
    void a_batch_goes_on_after_a_restart_and_answers_nothing_twice() throws Exception {
        String batch;
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            server.gate.close();
            batch = client.create(client.upload(chatLine("short", "x") + chatLine("long", "y".repeat(3000))));
            TestServer.await("the short one to be answered", () -> {
                server.gate.allow(1); // the long one takes thousands
                return Objects.equals(at(client.get("/v1/batches/" + batch), "request_counts.completed"), 1L);
            });
        }
        // As if the process had ended in the middle of a line.
        Path output = folder.resolve("file-" + batch.substring("batch_".length()) + "-output.jsonl");
        String whole = Files.readString(output);
        Files.writeString(output, "{\"custom_id\":\"long\",\"resp", StandardOpenOption.APPEND);
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            Map<String, Object> over = client.awaitOver(batch);
            assertThat(over).containsEntry("status", "completed");
            assertThat(at(over, "request_counts.completed")).isEqualTo(2L);
            assertThat(client.results(over, "output_file_id").keySet()).containsExactly("long", "short");
            assertThat(client.content(String.valueOf(over.get("output_file_id"))))
                    .startsWith(whole);
        }
    }

    @Test
    void a_batch_that_is_over_stays_over_after_a_restart() throws Exception {
        String batch;
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            batch = client.create(client.upload(chatLine("a", "x")), ",\"metadata\":{\"job\":\"nightly\"}");
            client.awaitOver(batch);
        }
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            Map<String, Object> over = client.get("/v1/batches/" + batch);
            assertThat(over).containsEntry("status", "completed").containsEntry("metadata", Map.of("job", "nightly"));
            assertThat(client.results(over, "output_file_id")).containsOnlyKeys("a");
            assertThat(list(client.get("/v1/batches"), "data")).hasSize(1);
            assertThat(server.gate.stepsDone()).isZero();
        }
    }

    @Test
    void a_refusal_is_waited_out() throws Exception {
        // One place in the queue, and more lines than that.
        TestServer.Options small = keeping(folder).withSequencesMax(1).withWaitingMax(1);
        try (TestServer server = TestServer.start(small)) {
            BatchClient client = BatchClient.of(server);
            StringBuilder input = new StringBuilder();
            for (int i = 0; i < 6; i++) input.append(chatLine("line" + i, "abc"));
            Map<String, Object> over = client.awaitOver(client.create(client.upload(input.toString())));
            assertThat(at(over, "request_counts.completed")).isEqualTo(6L);
        }
    }

    @Test
    void a_cancelled_batch_keeps_what_it_has() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            server.gate.close();
            StringBuilder input = new StringBuilder();
            for (int i = 0; i < 40; i++) input.append(chatLine("line" + i, "abc"));
            String batch = client.create(client.upload(input.toString()));
            TestServer.await("a first request", () -> server.service.open().count() > 0);
            assertThat(json(client.cancel(batch).body())).containsEntry("status", "cancelling");
            server.gate.open();
            Map<String, Object> over = client.awaitOver(batch);
            assertThat(over).containsEntry("status", "cancelled");
            assertThat((Long) at(over, "request_counts.completed")).isLessThan(40L);
            assertThat(client.cancel(batch).statusCode()).isEqualTo(409);
        }
    }

    @Test
    void a_batch_that_takes_too_long_expires() throws Exception {
        String batch;
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            server.gate.close();
            batch = client.create(client.upload(chatLine("a", "x".repeat(3000))));
        }
        try (TestServer other = TestServer.start()) {
            Instant later = Instant.now().plus(Duration.ofHours(25));
            Serving serving = new Serving(
                    () -> other.service,
                    new RequestBodies(1),
                    Duration.ofSeconds(1),
                    new ResumableStreams(0, Duration.ZERO),
                    StreamOwners.BY_KEY);
            try (BatchStore store = new BatchStore(folder, 1 << 20, () -> later);
                    BatchRunner runner =
                            new BatchRunner(store, new Unattended(serving), other.tenancy.intake(), () -> later)) {
                runner.resume();
                TestServer.await(
                        "the batch to end", () -> description(folder, batch).contains("\"status\":\"expired\""));
            }
        }
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            Map<String, Object> over = client.get("/v1/batches/" + batch);
            assertThat(at(named(client.results(over, "error_file_id"), "a"), "error.code"))
                    .isEqualTo("batch_expired");
        }
    }

    @Test
    void a_batch_that_is_over_its_quota_holds_up_no_other() throws Exception {
        Tenants tenants = new Tenants(keys).policy("{tenants: {slow: {requests-per-minute: 1}}}");
        String slow = tenants.key("slow");
        String quick = tenants.key("quick");
        try (TestServer server = TestServer.start(keeping(folder).withSource(tenants.source()))) {
            StringBuilder input = new StringBuilder();
            for (int i = 0; i < 40; i++) input.append(chatLine("line" + i, "abc"));
            BatchClient first = new BatchClient(server, slow);
            String waiting = first.create(first.upload(input.toString()));
            TestServer.await(
                    "as many to be refused as are sent at once",
                    () -> server.tenancy.intake().log().newest(40).stream()
                                    .filter(record -> record.isOver())
                                    .count()
                            >= 16);
            BatchClient second = new BatchClient(server, quick);
            assertThat(second.awaitOver(second.create(second.upload(chatLine("a", "x")))))
                    .containsEntry("status", "completed");
            assertThat(first.get("/v1/batches/" + waiting)).containsEntry("status", "in_progress");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "not json | 1 | invalid_json_line",
                "{\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{}} | 1 | missing_custom_id",
                "{\"custom_id\":\"a\",\"method\":\"GET\",\"url\":\"/v1/chat/completions\",\"body\":{}} | 1 | invalid_method",
                "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/completions\",\"body\":{}} | 1 | invalid_url",
                "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\"} | 1 | missing_body",
                "OK/OK | 2 | duplicate_custom_id",
                " | 1 | empty_file",
            })
    void an_input_that_is_wrong_fails_with_its_line(String input, long line, String code) throws Exception {
        String ok = chatLine("a", "x").strip();
        String lines = input == null ? "\n" : input.replace("/OK", "\nOK").replace("OK", ok);
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            Map<String, Object> over = client.awaitOver(client.create(client.upload(lines)));
            assertThat(over).containsEntry("status", "failed");
            assertThat(at(over, "errors.data.0.code")).isEqualTo(code);
            assertThat(at(over, "errors.data.0.line")).isEqualTo(line);
            assertThat(server.gate.stepsDone()).isZero();
        }
    }

    private TestServer start() {
        return TestServer.start(keeping(folder));
    }
}

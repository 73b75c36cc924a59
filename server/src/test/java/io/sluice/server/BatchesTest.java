package io.sluice.server;

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
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Files of requests, answered when there is room, also after a restart.
class BatchesTest {
    private static final String CHAT = "/v1/chat/completions";

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path keys;

    @Test
    void a_batch_answers_each_line_of_its_file() throws Exception {
        try (TestServer server = start()) {
            String input = chatLine("a", "Hello") + chatLine("b", "Bye") + line("c", "{\"messages\":[]}") + "\n";
            String batch = create(server, upload(server, input), "");
            Map<String, Object> over = awaitOver(server, batch);
            assertThat(over).containsEntry("status", "completed").containsEntry("object", "batch");
            assertThat(at(over, "request_counts.total")).isEqualTo(3L);
            assertThat(at(over, "request_counts.completed")).isEqualTo(2L);
            assertThat(at(over, "request_counts.failed")).isEqualTo(1L);
            Map<String, Map<String, Object>> answers = results(server, over, "output_file_id");
            assertThat(answers.keySet()).containsExactly("a", "b");
            assertThat(at(named(answers, "a"), "response.status_code")).isEqualTo(200L);
            assertThat(at(named(answers, "a"), "response.body.choices.0.message.content"))
                    .isEqualTo("Hello");
            Map<String, Map<String, Object>> errors = results(server, over, "error_file_id");
            assertThat(errors.keySet()).containsExactly("c");
            assertThat(at(named(errors, "c"), "response.status_code")).isEqualTo(400L);
            assertThat(at(named(errors, "c"), "response.body.error.param")).isEqualTo("messages");
        }
    }

    @Test
    void its_requests_go_last_and_leave_records() throws Exception {
        try (TestServer server = start()) {
            Map<String, Object> over = awaitOver(server, create(server, upload(server, chatLine("a", "x")), ""));
            Object id = at(named(results(server, over, "output_file_id"), "a"), "response.request_id");
            Map<String, Object> request = new KeyedClient(server, "").adminJson("/admin/requests/" + id);
            assertThat(request).containsEntry("class", "batch").containsEntry("path", CHAT);
        }
    }

    @Test
    void a_batch_goes_on_after_a_restart_and_answers_nothing_twice() throws Exception {
        String batch;
        try (TestServer server = start()) {
            server.gate.close();
            batch = create(server, upload(server, chatLine("short", "x") + chatLine("long", "y".repeat(3000))), "");
            TestServer.await("the short one to be answered", () -> {
                server.gate.allow(1); // the long one takes thousands
                return Objects.equals(at(get(server, "/v1/batches/" + batch), "request_counts.completed"), 1L);
            });
        }
        // As if the process had ended in the middle of a line.
        Path output = folder.resolve("file-" + batch.substring("batch_".length()) + "-output.jsonl");
        String whole = Files.readString(output);
        Files.writeString(output, "{\"custom_id\":\"long\",\"resp", StandardOpenOption.APPEND);
        try (TestServer server = start()) {
            Map<String, Object> over = awaitOver(server, batch);
            assertThat(over).containsEntry("status", "completed");
            assertThat(at(over, "request_counts.completed")).isEqualTo(2L);
            assertThat(results(server, over, "output_file_id").keySet()).containsExactly("long", "short");
            assertThat(content(server, String.valueOf(over.get("output_file_id"))))
                    .startsWith(whole);
        }
    }

    @Test
    void a_batch_that_is_over_stays_over_after_a_restart() throws Exception {
        String batch;
        try (TestServer server = start()) {
            batch = create(server, upload(server, chatLine("a", "x")), ",\"metadata\":{\"job\":\"nightly\"}");
            awaitOver(server, batch);
        }
        try (TestServer server = start()) {
            Map<String, Object> over = get(server, "/v1/batches/" + batch);
            assertThat(over).containsEntry("status", "completed").containsEntry("metadata", Map.of("job", "nightly"));
            assertThat(results(server, over, "output_file_id")).containsOnlyKeys("a");
            assertThat(list(get(server, "/v1/batches"), "data")).hasSize(1);
            assertThat(server.gate.stepsDone()).isZero();
        }
    }

    @Test
    void a_refusal_is_waited_out() throws Exception {
        // One place in the queue, and more lines than that.
        TestServer.Options small = options().withSequencesMax(1).withWaitingMax(1);
        try (TestServer server = TestServer.start(small)) {
            StringBuilder input = new StringBuilder();
            for (int i = 0; i < 6; i++) input.append(chatLine("line" + i, "abc"));
            Map<String, Object> over = awaitOver(server, create(server, upload(server, input.toString()), ""));
            assertThat(at(over, "request_counts.completed")).isEqualTo(6L);
        }
    }

    @Test
    void a_cancelled_batch_keeps_what_it_has() throws Exception {
        try (TestServer server = start()) {
            server.gate.close();
            StringBuilder input = new StringBuilder();
            for (int i = 0; i < 40; i++) input.append(chatLine("line" + i, "abc"));
            String batch = create(server, upload(server, input.toString()), "");
            TestServer.await("a first request", () -> server.service.open().count() > 0);
            assertThat(json(server.post("/v1/batches/" + batch + "/cancel", "").body()))
                    .containsEntry("status", "cancelling");
            server.gate.open();
            Map<String, Object> over = awaitOver(server, batch);
            assertThat(over).containsEntry("status", "cancelled");
            assertThat((Long) at(over, "request_counts.completed")).isLessThan(40L);
            HttpResponse<String> again = server.post("/v1/batches/" + batch + "/cancel", "");
            assertThat(again.statusCode()).isEqualTo(409);
        }
    }

    @Test
    void a_batch_that_takes_too_long_expires() throws Exception {
        String batch;
        try (TestServer server = start()) {
            server.gate.close();
            batch = create(server, upload(server, chatLine("a", "x".repeat(3000))), "");
        }
        try (TestServer other = TestServer.start()) {
            Instant later = Instant.now().plus(Duration.ofHours(25));
            Serving serving = new Serving(
                    () -> other.service,
                    new RequestBodies(1),
                    Duration.ofSeconds(1),
                    new ResumableStreams(0, Duration.ZERO),
                    StreamOwners.BY_KEY);
            BatchStore store = new BatchStore(folder, 1 << 20, () -> later);
            try (BatchRunner runner =
                    new BatchRunner(store, new Unattended(serving), other.tenancy.intake(), () -> later)) {
                runner.resume();
                TestServer.await("the batch to end", () -> description(batch).contains("\"status\":\"expired\""));
            }
        }
        try (TestServer server = start()) {
            Map<String, Object> over = get(server, "/v1/batches/" + batch);
            assertThat(at(named(results(server, over, "error_file_id"), "a"), "error.code"))
                    .isEqualTo("batch_expired");
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
            Map<String, Object> over = awaitOver(server, create(server, upload(server, lines), ""));
            assertThat(over).containsEntry("status", "failed");
            assertThat(at(over, "errors.data.0.code")).isEqualTo(code);
            assertThat(at(over, "errors.data.0.line")).isEqualTo(line);
            assertThat(server.gate.stepsDone()).isZero();
        }
    }

    @Test
    void files_are_listed_read_and_deleted() throws Exception {
        try (TestServer server = start()) {
            String file = upload(server, "{}\n");
            assertThat(get(server, "/v1/files/" + file))
                    .containsEntry("filename", "in.jsonl")
                    .containsEntry("bytes", 3L)
                    .containsEntry("purpose", "batch");
            assertThat(content(server, file)).isEqualTo("{}\n");
            assertThat(list(get(server, "/v1/files"), "data")).hasSize(1);
            assertThat(delete(server, "/v1/files/" + file).statusCode()).isEqualTo(200);
            assertThat(server.get("/v1/files/" + file).statusCode()).isEqualTo(404);
            assertThat(delete(server, "/v1/files/" + file).statusCode()).isEqualTo(404);
            try (var left = Files.list(folder)) {
                assertThat(left).isEmpty();
            }
        }
    }

    @Test
    void a_file_that_a_batch_reads_stays() throws Exception {
        try (TestServer server = start()) {
            server.gate.close();
            String file = upload(server, chatLine("a", "x"));
            create(server, file, "");
            assertThat(delete(server, "/v1/files/" + file).statusCode()).isEqualTo(409);
        }
    }

    @Test
    void the_folder_has_a_bound() throws Exception {
        try (TestServer server = TestServer.start(TestServer.Options.usual().withBatches(folder, 2000))) {
            String file = upload(server, "x".repeat(1500));
            HttpResponse<String> full = send(server, form("y".repeat(1500)));
            assertThat(full.statusCode()).isEqualTo(400);
            assertThat(at(json(full.body()), "error.code")).isEqualTo("storage_full");
            delete(server, "/v1/files/" + file);
            upload(server, "y".repeat(1500));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | 400 | input_file_id",
                "{\"input_file_id\":\"x\"} | 400 | endpoint",
                "{\"input_file_id\":\"x\",\"endpoint\":\"/v1/images\"} | 400 | endpoint",
                "{\"input_file_id\":\"x\",\"endpoint\":\"/v1/completions\",\"completion_window\":\"1h\"} | 400 | completion_window",
                "{\"input_file_id\":\"x\",\"endpoint\":\"/v1/completions\",\"completion_window\":\"24h\"} | 404 | input_file_id",
            })
    void nonsense_names_its_parameter(String body, int status, String parameter) throws Exception {
        try (TestServer server = start()) {
            HttpResponse<String> response = server.post("/v1/batches", body);
            assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
            assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
            assertThat(server.post("/v1/files", "{}").statusCode()).isEqualTo(400);
        }
    }

    @Test
    void files_and_batches_belong_to_their_key_and_end_with_it() throws Exception {
        Tenants tenants = new Tenants(keys);
        String ann = tenants.key("acme");
        String bob = tenants.key("acme");
        try (TestServer server = TestServer.start(options().withSource(tenants.source()))) {
            HttpResponse<String> sent = sendAs(server, ann, form(chatLine("a", "x") + chatLine("b", "y")));
            Object file = json(sent.body()).get("id");
            String wish =
                    "{\"input_file_id\":\"" + file + "\",\"endpoint\":\"" + CHAT + "\",\"completion_window\":\"24h\"}";
            KeyedClient other = new KeyedClient(server, bob);
            assertThat(other.post("/v1/batches", wish).statusCode()).isEqualTo(404);
            assertThat(other.get("/v1/files/" + file).statusCode()).isEqualTo(404);
            assertThat(list(json(other.get("/v1/files").body()), "data")).isEmpty();

            tenants.revoke(ann);
            KeyedClient owner = new KeyedClient(server, ann);
            server.gate.close();
            Object batch = json(owner.post("/v1/batches", wish).body()).get("id");
            TestServer.await(
                    "both requests to be admitted", () -> server.service.open().count() == 2);
            server.tenancy.reload().reloadOnSignal();
            server.gate.open();
            TestServer.await(
                    "the batch to end", () -> description(String.valueOf(batch)).contains("\"completed_at\""));
            assertThat(description(String.valueOf(batch))).contains("\"failed\":2");
        }
        assertThat(Files.readString(folder.resolve(errors()))).contains("401").contains("key_revoked");
    }

    private String errors() throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith("-error.jsonl"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void without_a_folder_there_are_none_and_the_answer_says_why() throws Exception {
        try (TestServer server = TestServer.start()) {
            HttpResponse<String> response = server.post("/v1/batches", "{}");
            assertThat(response.statusCode()).isEqualTo(404);
            assertThat(at(json(response.body()), "error.code")).isEqualTo("no_batches");
        }
    }

    private TestServer.Options options() {
        return TestServer.Options.usual().withBatches(folder, 1 << 20);
    }

    private TestServer start() {
        return TestServer.start(options());
    }

    private String description(String batch) {
        try {
            return Files.readString(folder.resolve(batch + ".json"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String chatLine(String name, String answer) {
        return line(name, "{" + TestServer.asking(answer) + "}") + "\n";
    }

    private static String line(String name, String body) {
        return "{\"custom_id\":\"" + name + "\",\"method\":\"POST\",\"url\":\"" + CHAT + "\",\"body\":" + body + "}";
    }

    private static String form(String content) {
        return "--xyz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--xyz\r\n"
                + "Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n" + content
                + "\r\n--xyz--\r\n";
    }

    private static HttpResponse<String> send(TestServer server, String form) throws Exception {
        return sendAs(server, "anybody", form);
    }

    private static HttpResponse<String> sendAs(TestServer server, String key, String form) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(server.uri("/v1/files"))
                .header("Content-Type", "multipart/form-data; boundary=xyz")
                .header("Authorization", "Bearer " + key)
                .POST(HttpRequest.BodyPublishers.ofString(form))
                .build();
        return server.client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private static String upload(TestServer server, String content) throws Exception {
        HttpResponse<String> response = send(server, form(content));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return String.valueOf(json(response.body()).get("id"));
    }

    private static String create(TestServer server, String file, String more) throws Exception {
        HttpResponse<String> response = server.post(
                "/v1/batches",
                "{\"input_file_id\":\"" + file + "\",\"endpoint\":\"" + CHAT + "\",\"completion_window\":\"24h\"" + more
                        + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return String.valueOf(json(response.body()).get("id"));
    }

    private static Map<String, Object> awaitOver(TestServer server, String batch) throws Exception {
        Set<String> over = Set.of("completed", "failed", "expired", "cancelled");
        TestServer.await(
                "the batch to end",
                () -> over.contains(
                        String.valueOf(get(server, "/v1/batches/" + batch).get("status"))));
        return get(server, "/v1/batches/" + batch);
    }

    private static Map<String, Object> get(TestServer server, String path) {
        try {
            HttpResponse<String> response = server.get(path);
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            return json(response.body());
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static HttpResponse<String> delete(TestServer server, String path) throws Exception {
        return server.client.send(
                HttpRequest.newBuilder(server.uri(path)).DELETE().build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String content(TestServer server, String file) throws Exception {
        return server.get("/v1/files/" + file + "/content").body();
    }

    private static Map<String, Object> named(Map<String, Map<String, Object>> results, String name) {
        Map<String, Object> result = results.get(name);
        if (result == null) throw new AssertionError("no " + name + " in " + results);
        return result;
    }

    /// The lines of one of a batch's files, by their names.
    private static Map<String, Map<String, Object>> results(TestServer server, Map<String, Object> batch, String field)
            throws Exception {
        Map<String, Map<String, Object>> results = new TreeMap<>();
        for (String line : content(server, String.valueOf(batch.get(field))).split("\n", -1)) {
            if (line.isEmpty()) continue;
            Map<String, Object> result = json(line);
            assertThat(results.put(String.valueOf(result.get("custom_id")), result))
                    .isNull();
        }
        return results;
    }
}

package io.sluice.server;

import static io.sluice.server.BatchClient.chatLine;
import static io.sluice.server.BatchClient.description;
import static io.sluice.server.BatchClient.keeping;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.server.settings.SettingsException;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The folder of files and batches: what is kept there and for whom, and what becomes of it on a bad day.
class BatchFilesTest {
    private static final String ID = "0123456789abcdef0123456789abcdef";

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path keys;

    @Test
    void files_are_listed_read_and_deleted() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            String file = client.upload("{}\n");
            assertThat(client.get("/v1/files/" + file))
                    .containsEntry("filename", "in.jsonl")
                    .containsEntry("bytes", 3L)
                    .containsEntry("purpose", "batch");
            assertThat(client.content(file)).isEqualTo("{}\n");
            assertThat(list(client.get("/v1/files"), "data")).hasSize(1);
            assertThat(client.delete("/v1/files/" + file).statusCode()).isEqualTo(200);
            assertThat(server.get("/v1/files/" + file).statusCode()).isEqualTo(404);
            assertThat(client.delete("/v1/files/" + file).statusCode()).isEqualTo(404);
            try (var left = Files.list(folder)) {
                assertThat(left).allMatch(one -> one.endsWith("in-use.lock"));
            }
        }
    }

    @Test
    void a_file_that_a_batch_reads_stays() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            server.gate.close();
            String file = client.upload(chatLine("a", "x"));
            client.create(file);
            assertThat(client.delete("/v1/files/" + file).statusCode()).isEqualTo(409);
        }
    }

    @Test
    void the_folder_has_a_bound() throws Exception {
        try (TestServer server = TestServer.start(TestServer.Options.usual().withBatches(folder, 2000))) {
            BatchClient client = BatchClient.of(server);
            String file = client.upload("x".repeat(1500));
            HttpResponse<String> full = client.send("y".repeat(1500));
            assertThat(full.statusCode()).isEqualTo(400);
            assertThat(at(json(full.body()), "error.code")).isEqualTo("storage_full");
            client.delete("/v1/files/" + file);
            client.upload("y".repeat(1500));
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
                "{\"input_file_id\":\"x\",\"endpoint\":\"/v1/completions\",\"completion_window\":\"24h\",\"metadata\":{\"a\":1}} | 400 | metadata.a",
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
        try (TestServer server = TestServer.start(keeping(folder).withSource(tenants.source()))) {
            BatchClient owner = new BatchClient(server, ann);
            String file = owner.upload(chatLine("a", "x") + chatLine("b", "y"));
            assertHidden(server, bob, file);

            tenants.revoke(ann);
            server.gate.close();
            String batch = owner.create(file);
            TestServer.await(
                    "both requests to be admitted", () -> server.service.open().count() == 2);
            server.tenancy.reload().reloadOnSignal();
            server.gate.open();
            TestServer.await(
                    "the batch to end", () -> description(folder, batch).contains("\"completed_at\""));
            assertThat(description(folder, batch)).contains("\"failed\":2");
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

    @Test
    void a_folder_has_one_server() throws Exception {
        try (TestServer server = start()) {
            String file = BatchClient.of(server).upload("{}\n");
            assertThatThrownBy(this::start)
                    .isInstanceOf(SettingsException.class)
                    .hasMessageContaining("batch-dir")
                    .hasMessageContaining("used by another server");
            assertThat(BatchClient.of(server).content(file)).isEqualTo("{}\n");
        }
        start().close(); // it is free again
    }

    @Test
    void a_folder_that_is_none_is_refused_by_name() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "x");
        assertThatThrownBy(() -> TestServer.start(TestServer.Options.usual().withBatches(file, 1000)))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("batch-dir: " + file + " cannot be used");
    }

    @Test
    void what_a_process_left_half_written_is_cleared_away() throws Exception {
        Files.writeString(folder.resolve("file-" + ID + ".jsonl"), "{}\n"); // nobody was told of it
        Files.writeString(folder.resolve("batch_" + ID + ".new"), "{\"kind\":");
        Files.writeString(folder.resolve("notes.new"), "an operator's");
        start().close();
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left.map(one -> one.getFileName().toString()))
                    .containsExactlyInAnyOrder("in-use.lock", "notes.new");
        }
    }

    /// Whatever lies there, the server starts, serves what is whole, and leaves the rest alone.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"kind\":\"file\",\"owner\":\"\",\"view\":{\"id\":",
                "not json",
                "``",
                "[]",
                "{}",
                "{\"kind\":\"file\",\"owner\":\"\",\"view\":7}",
                "{\"kind\":\"file\",\"owner\":\"\",\"view\":{\"id\":\"file-" + ID + "\",\"bytes\":\"x\"}}",
                "{\"kind\":\"file\",\"owner\":\"\",\"view\":{\"id\":\"../../etc/passwd\"}}",
                "{\"kind\":\"batch\",\"owner\":\"\",\"view\":{\"id\":\"batch_" + ID + "\",\"status\":\"in_progress\"}}",
                "{\"kind\":\"batch\",\"owner\":\"\",\"view\":{\"id\":\"batch_" + ID + "\",\"status\":\"odd\","
                        + "\"input_file_id\":\"f\",\"endpoint\":\"e\",\"expires_at\":1}}",
                "{\"kind\":\"other\",\"owner\":\"\",\"view\":{\"id\":\"batch_" + ID + "\"}}",
            })
    void a_description_that_is_none_is_left_alone(String garbage) throws Exception {
        String file;
        try (TestServer server = start()) {
            file = BatchClient.of(server).upload("{}\n");
        }
        for (String name : new String[] {"file-" + ID, "batch_" + ID}) {
            Files.writeString(folder.resolve(name + ".json"), garbage);
        }
        Files.createDirectory(folder.resolve("folder.json"));
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            assertThat(list(client.get("/v1/files"), "data")).hasSize(1);
            assertThat(list(client.get("/v1/batches"), "data")).isEmpty();
            assertThat(client.content(file)).isEqualTo("{}\n");
        }
        assertThat(folder.resolve("batch_" + ID + ".json")).hasContent(garbage);
    }

    @Test
    void a_file_that_cannot_be_written_is_refused_and_leaves_nothing() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            String input = client.upload(chatLine("a", "x"));
            delete(folder);
            assertOutOfStorage(client.send("{}\n"));
            assertOutOfStorage(client.begin(input, ""));
            Files.createDirectory(folder);
            assertThat(list(client.get("/v1/files"), "data")).hasSize(1);
            assertThat(list(client.get("/v1/batches"), "data")).isEmpty();
            client.upload("{}\n");
        }
    }

    private static void assertOutOfStorage(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(507);
        assertThat(at(json(response.body()), "error.code")).isEqualTo("storage_failed");
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) Files.delete(file);
        }
        Files.delete(folder);
    }

    @Test
    void a_batch_whose_answers_cannot_be_written_has_failed_and_says_so() throws Exception {
        try (TestServer server = start()) {
            BatchClient client = BatchClient.of(server);
            server.gate.close();
            String batch = client.create(client.upload(chatLine("a", "x") + chatLine("b", "y")));
            TestServer.await("a first request", () -> server.service.open().count() > 0);
            Files.createDirectory(folder.resolve("file-" + batch.substring("batch_".length()) + "-output.jsonl"));
            server.gate.open();
            Map<String, Object> over = client.awaitOver(batch);
            assertThat(over).containsEntry("status", "failed");
            assertThat(at(over, "errors.data.0.code")).isEqualTo("storage_failed");
        }
    }

    private static void assertHidden(TestServer server, String stranger, String file) throws Exception {
        BatchClient other = new BatchClient(server, stranger);
        KeyedClient keyed = new KeyedClient(server, stranger);
        HttpResponse<String> unknown = keyed.get("/v1/files/" + "x".repeat(200));
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(unknown.body()).doesNotContain("x".repeat(100));
        assertThat(other.begin(file, "").statusCode()).isEqualTo(404);
        assertThat(keyed.get("/v1/files/" + file).statusCode()).isEqualTo(404);
        assertThat(keyed.get("/v1/files/" + file + "/content").statusCode()).isEqualTo(404);
        assertThat(other.delete("/v1/files/" + file).statusCode()).isEqualTo(404);
        assertThat(list(other.get("/v1/files"), "data")).isEmpty();
    }

    private TestServer start() {
        return TestServer.start(keeping(folder));
    }
}

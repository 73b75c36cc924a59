package io.sluice.server;

import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// A client of a test server's files and batches.
record BatchClient(TestServer server, String key) {
    static final String CHAT = "/v1/chat/completions";
    private static final Set<String> OVER = Set.of("completed", "failed", "expired", "cancelled");

    /// One whose key does not matter.
    static BatchClient of(TestServer server) {
        return new BatchClient(server, "anybody");
    }

    /// A server that keeps files and batches in the folder.
    static TestServer.Options keeping(Path folder) {
        return TestServer.Options.usual().withBatches(folder, 1 << 20);
    }

    /// What the folder holds of a batch.
    static String description(Path folder, String batch) {
        try {
            return Files.readString(folder.resolve(batch + ".json"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static String chatLine(String name, String answer) {
        return line(name, "{" + TestServer.asking(answer) + "}") + "\n";
    }

    static String line(String name, String body) {
        return "{\"custom_id\":\"" + name + "\",\"method\":\"POST\",\"url\":\"" + CHAT + "\",\"body\":" + body + "}";
    }

    /// Sends a file, which the server may refuse.
    HttpResponse<String> send(String content) throws Exception {
        String form = "--xyz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--xyz\r\n"
                + "Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n" + content
                + "\r\n--xyz--\r\n";
        HttpRequest request = HttpRequest.newBuilder(server.uri("/v1/files"))
                .header("Content-Type", "multipart/form-data; boundary=xyz")
                .header("Authorization", "Bearer " + key)
                .POST(HttpRequest.BodyPublishers.ofString(form))
                .build();
        return server.client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    /// Sends a file.
    ///
    /// @return the file's id
    String upload(String content) throws Exception {
        HttpResponse<String> response = send(content);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return String.valueOf(json(response.body()).get("id"));
    }

    /// Asks for a batch, which the server may refuse.
    ///
    /// @param more further fields, each with a comma before it
    HttpResponse<String> begin(String file, String more) throws Exception {
        String wish = "{\"input_file_id\":\"" + file + "\",\"endpoint\":\"" + CHAT + "\",\"completion_window\":\"24h\"";
        return keyed().post("/v1/batches", wish + more + "}");
    }

    /// Asks for a batch.
    ///
    /// @return the batch's id
    String create(String file) throws Exception {
        return create(file, "");
    }

    String create(String file, String more) throws Exception {
        HttpResponse<String> response = begin(file, more);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return String.valueOf(json(response.body()).get("id"));
    }

    HttpResponse<String> cancel(String batch) throws Exception {
        return keyed().post("/v1/batches/" + batch + "/cancel", "");
    }

    /// The batch once it is over.
    Map<String, Object> awaitOver(String batch) throws Exception {
        TestServer.await(
                "the batch to end",
                () -> OVER.contains(String.valueOf(get("/v1/batches/" + batch).get("status"))));
        return get("/v1/batches/" + batch);
    }

    Map<String, Object> get(String path) {
        try {
            HttpResponse<String> response = keyed().get(path);
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            return json(response.body());
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    HttpResponse<String> delete(String path) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(server.uri(path))
                .header("Authorization", "Bearer " + key)
                .DELETE()
                .build();
        return server.client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    String content(String file) throws Exception {
        return keyed().get("/v1/files/" + file + "/content").body();
    }

    /// The lines of one of a batch's files, by their names.
    Map<String, Map<String, Object>> results(Map<String, Object> batch, String field) throws Exception {
        Map<String, Map<String, Object>> results = new TreeMap<>();
        for (String line : content(String.valueOf(batch.get(field))).split("\n", -1)) {
            if (line.isEmpty()) continue;
            Map<String, Object> result = json(line);
            assertThat(results.put(String.valueOf(result.get("custom_id")), result))
                    .isNull();
        }
        return results;
    }

    static Map<String, Object> named(Map<String, Map<String, Object>> results, String name) {
        Map<String, Object> result = results.get(name);
        if (result == null) throw new AssertionError("no " + name + " in " + results);
        return result;
    }

    private KeyedClient keyed() {
        return new KeyedClient(server, key);
    }
}

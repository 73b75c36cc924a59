package io.sluice.server;

import static io.sluice.server.TestServer.json;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// A client of a test server that sends a key, and whatever headers it is told to.
record KeyedClient(TestServer server, String key) {

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return send(builder(server.uri(path)));
    }

    /// @param headers names and values in turn
    HttpResponse<String> complete(String fields, String... headers) throws IOException, InterruptedException {
        return send(completion(fields, headers));
    }

    CompletableFuture<HttpResponse<String>> completeAsync(String fields, String... headers) {
        return server.client.sendAsync(completion(fields, headers).build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest.Builder completion(String fields, String... headers) {
        HttpRequest.Builder request = builder(server.uri("/v1/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{" + fields + "}"));
        return headers.length == 0 ? request : request.headers(headers);
    }

    HttpResponse<String> post(String path, String json) throws IOException, InterruptedException {
        return send(builder(server.uri(path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json)));
    }

    HttpResponse<String> adminGet(String path) throws IOException, InterruptedException {
        return send(builder(admin(path)));
    }

    Map<String, Object> adminJson(String path) throws IOException, InterruptedException {
        HttpResponse<String> response = adminGet(path);
        if (response.statusCode() != 200) throw new AssertionError(response.statusCode() + ": " + response.body());
        return json(response.body());
    }

    HttpResponse<String> adminPost(String path, String body) throws IOException, InterruptedException {
        return send(builder(admin(path)).POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private URI admin(String path) {
        return URI.create("http://127.0.0.1:" + server.admin.port() + path);
    }

    private HttpRequest.Builder builder(URI uri) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri);
        return key.isEmpty() ? request : request.header("Authorization", "Bearer " + key);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return server.client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    /// A number from an answer's header.
    static long header(HttpResponse<?> response, String name) {
        return Long.parseLong(response.headers()
                .firstValue(name)
                .orElseThrow(() -> new AssertionError("no " + name + " in " + response.headers())));
    }
}

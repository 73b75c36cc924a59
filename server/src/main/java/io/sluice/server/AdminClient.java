package io.sluice.server;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The little of the admin routes that a terminal needs, from the client's side. One thread.
final class AdminClient implements AutoCloseable {
    private static final Duration CONNECT_MAX = Duration.ofSeconds(5);

    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_MAX)
            .build();
    private final URI server;
    private final @Nullable String key;

    AdminClient(URI server, @Nullable String key) {
        this.server = server;
        this.key = key;
    }

    /// The server said no; the message is the server's.
    static final class Refused extends IOException {
        Refused(String message) {
            super(message);
        }
    }

    /// What this policy would change on the server.
    Map<String, Object> dryRun(byte[] yaml) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.resolve("/admin/policy/reload?dry_run=true"))
                .header("Content-Type", "application/yaml")
                .POST(HttpRequest.BodyPublishers.ofByteArray(yaml));
        if (key != null) request.header("Authorization", "Bearer " + key);
        HttpResponse<byte[]> response = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        Map<String, Object> answer;
        try {
            answer = Json.parseObject(response.body());
        } catch (ApiError e) {
            throw new Refused("the answer is not JSON: is it Sluice's admin port?");
        }
        if (response.statusCode() == 200) return answer;
        throw new Refused(
                answer.get("error") instanceof Map<?, ?> error && error.get("message") instanceof String message
                        ? message
                        : "status " + response.statusCode());
    }

    @Override
    public void close() {
        http.close();
    }
}

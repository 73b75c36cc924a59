package io.sluice.server;

import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.openai.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The little of OpenAI's API that a terminal needs, from the client's side. One thread.
final class ChatClient implements AutoCloseable {
    private static final Duration CONNECT_MAX = Duration.ofSeconds(5);
    private static final String DATA = "data: ";

    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_MAX)
            .build();
    private final URI server;
    private final @Nullable String key;

    /// @param key the API key to send, null for none
    ChatClient(URI server, @Nullable String key) {
        this.server = server;
        this.key = key;
    }

    /// One turn of a conversation.
    record Message(String role, String content) {}

    /// The server said no; the message is the server's.
    static final class Refused extends IOException {
        Refused(String message) {
            super(message);
        }
    }

    String firstModel() throws IOException, InterruptedException {
        HttpResponse<byte[]> response =
                http.send(request("/v1/models").GET().build(), HttpResponse.BodyHandlers.ofByteArray());
        Map<String, Object> json = parse(response.body());
        if (response.statusCode() != 200) throw refused(json);
        if (json.get("data") instanceof List<?> models
                && !models.isEmpty()
                && models.getFirst() instanceof Map<?, ?> first
                && first.get("id") instanceof String id) {
            return id;
        }
        throw new Refused(server + " does not say which models it serves");
    }

    /// Sends the conversation and hands over the answer piece by piece.
    ///
    /// @throws Refused if there is none, or only a part of one
    void ask(String model, List<Message> conversation, @Nullable Integer maxTokens, Consumer<String> pieces)
            throws IOException, InterruptedException {
        HttpRequest question = request("/v1/chat/completions")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body(model, conversation, maxTokens)))
                .build();
        HttpResponse<InputStream> response = http.send(question, HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream in = response.body()) {
            if (response.statusCode() != 200) throw refused(parse(in.readAllBytes()));
            readEvents(new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)), pieces);
        }
    }

    @Override
    public void close() {
        http.close();
    }

    private static void readEvents(BufferedReader lines, Consumer<String> pieces) throws IOException {
        String line;
        while ((line = lines.readLine()) != null) {
            if (!line.startsWith(DATA)) continue;
            String data = line.substring(DATA.length());
            if (data.equals("[DONE]")) return;
            Map<String, Object> chunk = parse(data.getBytes(StandardCharsets.UTF_8));
            if (chunk.containsKey("error")) throw refused(chunk);
            String piece = content(chunk);
            if (piece != null) pieces.accept(piece);
        }
        throw new Refused("the server ended its answer in the middle");
    }

    private static @Nullable String content(Map<String, Object> chunk) {
        return chunk.get("choices") instanceof List<?> choices
                        && !choices.isEmpty()
                        && choices.getFirst() instanceof Map<?, ?> choice
                        && choice.get("delta") instanceof Map<?, ?> delta
                        && delta.get("content") instanceof String content
                ? content
                : null;
    }

    private static byte[] body(String model, List<Message> conversation, @Nullable Integer maxTokens) {
        JsonOut out =
                new JsonOut().raw("{\"stream\":true,\"model\":").string(model).raw(",\"messages\":[");
        for (int i = 0; i < conversation.size(); i++) {
            Message message = conversation.get(i);
            out.raw(i == 0 ? "{\"role\":" : ",{\"role\":")
                    .string(message.role())
                    .raw(",\"content\":")
                    .string(message.content())
                    .raw("}");
        }
        out.raw("]");
        if (maxTokens != null) out.raw(",\"max_tokens\":").number(maxTokens);
        return out.raw("}").toBytes();
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.resolve(path));
        return key == null ? request : request.header("Authorization", "Bearer " + key);
    }

    private static Map<String, Object> parse(byte[] json) throws Refused {
        try {
            return Json.parseObject(json);
        } catch (ApiError e) {
            throw new Refused("the server's answer is not JSON: is it Sluice?");
        }
    }

    private static Refused refused(Map<String, Object> answer) {
        return answer.get("error") instanceof Map<?, ?> error && error.get("message") instanceof String message
                ? new Refused(message)
                : new Refused("the server refused without a reason");
    }
}

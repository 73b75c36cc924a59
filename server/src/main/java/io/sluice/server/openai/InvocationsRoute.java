package io.sluice.server.openai;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.http.ApiError;
import java.io.IOException;
import java.util.Map;

/// `POST /invocations`, the one route of hosts that know no other: a chat, a completion or embeddings, by the
/// field that the request has. Request threads.
public final class InvocationsRoute implements Handler {
    private final Serving serving;
    private final Answers answers;

    public InvocationsRoute(Serving serving) {
        this.serving = serving;
        this.answers = new Answers(serving.heartbeat());
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        Map<String, Object> json = Json.parseObject(serving.bodies().read(request));
        Accepted accepted = accepted(service, json);
        answers.send(
                new Acceptance(serving, request, accepted.promptField())
                        .accept(service, accepted.common(), accepted.text(), accepted.format()),
                response);
    }

    private static Accepted accepted(GenerationService service, Map<String, Object> json) {
        if (json.containsKey("messages")) return ChatCompletionsRoute.parse(service, json);
        if (json.containsKey("prompt")) return CompletionsRoute.parse(service, json);
        if (json.containsKey(EmbeddingRequest.INPUT)) return EmbeddingsRoute.parse(service, json);
        throw ApiError.invalid(null, "Send messages for a chat, prompt for a completion, or input for embeddings.");
    }
}

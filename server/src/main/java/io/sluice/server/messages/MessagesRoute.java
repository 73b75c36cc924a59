package io.sluice.server.messages;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.http.JsonOut;
import io.sluice.server.openai.Acceptance;
import io.sluice.server.openai.Answers;
import io.sluice.server.openai.ChatRequest;
import io.sluice.server.openai.Json;
import io.sluice.server.openai.Serving;
import java.io.IOException;
import java.util.Map;

/// Anthropic's `POST /v1/messages`, and `POST /v1/messages/count_tokens`. Request threads.
public final class MessagesRoute implements Handler {
    private final Serving serving;
    private final Answers answers;

    public MessagesRoute(Serving serving) {
        this.serving = serving;
        this.answers = new Answers(serving.heartbeat());
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        answers.send(accept(request), response);
    }

    private Answers.Answer accept(ServerRequest request) throws IOException {
        GenerationService service = serving.service();
        String id = Serving.answerId("msg_");
        ChatRequest chat = parse(request, service, id, true);
        String model = Serving.requireModel(service.model(), chat.common().model());
        return new Acceptance(serving, request, "messages")
                .acceptOnce(service, chat.common(), chat.text(), new MessagesFormat(id, model));
    }

    /// What a request's prompt comes to.
    public void countTokens(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        ChatRequest chat = parse(request, service, Serving.answerId("count_"), false);
        Serving.requireModel(service.model(), chat.common().model());
        Entry.of(request).answerAtOnce();
        int[] tokens = service.tokens(chat.text().prompts().getFirst());
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(new JsonOut()
                .raw("{\"input_tokens\":")
                .number(tokens.length)
                .raw("}")
                .toBytes());
    }

    private ChatRequest parse(ServerRequest request, GenerationService service, String id, boolean answers)
            throws IOException {
        Map<String, Object> json = Json.parseObject(serving.bodies().read(request));
        return ChatRequest.parse(
                MessagesTranslation.toChat(json, answers), id, service.model().format());
    }
}

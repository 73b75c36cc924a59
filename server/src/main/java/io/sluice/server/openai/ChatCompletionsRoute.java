package io.sluice.server.openai;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.http.RequestBody;
import java.io.IOException;
import java.util.Map;

/// `POST /v1/chat/completions`. Request threads.
public final class ChatCompletionsRoute implements Handler {
    private final Serving serving;
    private final Answers answers;

    public ChatCompletionsRoute(Serving serving) {
        this.serving = serving;
        this.answers = new Answers(serving.heartbeat());
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        Map<String, Object> json = Json.parseObject(RequestBody.read(request, serving.bodyBytesMax()));
        String id = Serving.answerId("chatcmpl-");
        ChatRequest chat = ChatRequest.parse(json, id);
        String model = Serving.requireModel(service.model(), chat.common().model());
        Generation generation =
                Answers.start(service, chat.text(), Entry.of(request).terms(chat.text()), chat.common(), "messages");
        ChatFormat format =
                new ChatFormat(id, Serving.nowSecond(), model, chat.text().wantsLogprobs());
        if (chat.common().stream()) {
            answers.stream(generation, format, chat.common().includeUsage(), response);
        } else {
            answers.whole(generation, format, response);
        }
    }
}

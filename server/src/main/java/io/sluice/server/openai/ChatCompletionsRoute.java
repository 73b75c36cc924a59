package io.sluice.server.openai;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.openai.Answers.Answer;
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
        answers.send(accept(request), response);
    }

    private Answer accept(ServerRequest request) throws IOException {
        GenerationService service = serving.service();
        Map<String, Object> json = Json.parseObject(serving.bodies().read(request));
        Accepted chat = parse(service, json);
        return new Acceptance(serving, request, chat.promptField())
                .accept(service, chat.common(), chat.text(), chat.format());
    }

    static Accepted parse(GenerationService service, Map<String, Object> json) {
        String id = Serving.answerId("chatcmpl-");
        ChatRequest chat = ChatRequest.parse(json, id, service.model().format());
        CommonFields common = chat.common();
        String model = Serving.requireModel(service.model(), common.model());
        AnswerFormat format = new ChatFormat(
                new AnswerHead(id, Serving.nowSecond(), model, common.servedTier()),
                chat.text().wantsLogprobs(),
                common.streamOptions(),
                chat.showsReasoning());
        return new Accepted(common, chat.text(), format, "messages");
    }
}

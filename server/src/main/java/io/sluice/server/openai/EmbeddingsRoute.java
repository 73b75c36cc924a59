package io.sluice.server.openai;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.generation.GenerationService;
import java.io.IOException;
import java.util.Map;

/// `POST /v1/embeddings`: texts go through admission, quotas and steps as prompts do, and nothing is generated. Request
/// threads.
public final class EmbeddingsRoute implements Handler {
    private final Serving serving;
    private final Answers answers;

    public EmbeddingsRoute(Serving serving) {
        this.serving = serving;
        this.answers = new Answers(serving.heartbeat());
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        Accepted wanted = parse(service, Json.parseObject(serving.bodies().read(request)));
        answers.send(
                new Acceptance(serving, request, wanted.promptField())
                        .accept(service, wanted.common(), wanted.text(), wanted.format()),
                response);
    }

    static Accepted parse(GenerationService service, Map<String, Object> json) {
        EmbeddingRequest wanted = EmbeddingRequest.parse(json, Serving.answerId("embd-"), service.model());
        String model = Serving.requireModel(service.model(), wanted.common().model());
        AnswerFormat format = new EmbeddingFormat(model, wanted.shape());
        return new Accepted(wanted.common(), wanted.text(), format, EmbeddingRequest.INPUT);
    }
}

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

/// `POST /v1/completions`. Request threads.
public final class CompletionsRoute implements Handler {
    private final Serving serving;
    private final Answers answers;

    public CompletionsRoute(Serving serving) {
        this.serving = serving;
        this.answers = new Answers(serving.heartbeat());
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        Map<String, Object> json = Json.parseObject(RequestBody.read(request, serving.bodyBytesMax()));
        String id = Serving.answerId("cmpl-");
        CompletionRequest completion = CompletionRequest.parse(json, id);
        String model = Serving.requireModel(service.model(), completion.common().model());
        Generation generation = Answers.start(
                service, completion.text(), Entry.of(request).terms(completion.text()), completion.common(), "prompt");
        CompletionFormat format = new CompletionFormat(
                id, Serving.nowSecond(), model, completion.text().wantsLogprobs());
        if (completion.common().stream()) {
            answers.stream(generation, format, completion.common().includeUsage(), response);
        } else {
            answers.whole(generation, format, response);
        }
    }
}

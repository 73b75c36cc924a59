package io.sluice.server.openai;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.openai.Answers.Answer;
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
        answers.send(accept(request), response);
    }

    private Answer accept(ServerRequest request) throws IOException {
        GenerationService service = serving.service();
        Map<String, Object> json = Json.parseObject(serving.bodies().read(request));
        Accepted completion = parse(service, json);
        return new Acceptance(serving, request, completion.promptField())
                .accept(service, completion.common(), completion.text(), completion.format());
    }

    static Accepted parse(GenerationService service, Map<String, Object> json) {
        String id = Serving.answerId("cmpl-");
        CompletionRequest completion = CompletionRequest.parse(json, id);
        CommonFields common = completion.common();
        String model = Serving.requireModel(service.model(), common.model());
        AnswerFormat format = new CompletionFormat(
                new AnswerHead(id, Serving.nowSecond(), model, common.servedTier()),
                completion.logprobs(),
                common.streamOptions(),
                completion.echoes(service.model().tokenizer()));
        return new Accepted(common, completion.text(), format, "prompt");
    }
}

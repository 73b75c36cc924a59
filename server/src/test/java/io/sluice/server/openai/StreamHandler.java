package io.sluice.server.openai;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.generation.Generation;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/// A route that streams whatever generation it is given, as `/v1/completions` would.
public final class StreamHandler implements Handler {
    private final Supplier<Generation> generations;
    private final Answers answers = new Answers(Duration.ofSeconds(30));

    public StreamHandler(Supplier<Generation> generations) {
        this.generations = generations;
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        AnswerFormat format = new CompletionFormat(
                new AnswerHead("cmpl-1", 1, "test-model", null),
                new CompletionFormat.Asked(-1, -1),
                StreamOptions.NONE,
                List.of());
        answers.send(new Answers.Answer.Streamed(generations.get(), new Streaming.Shape(format, false)), response);
    }
}

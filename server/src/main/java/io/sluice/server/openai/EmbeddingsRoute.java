package io.sluice.server.openai;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.batching.InvalidRequest;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.Reading;
import io.sluice.server.http.ClientConnection;
import io.sluice.server.http.JsonOut;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
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
        answer(service, Json.parseObject(serving.bodies().read(request)), request, response);
    }

    void answer(GenerationService service, Map<String, Object> json, ServerRequest request, ServerResponse response) {
        EmbeddingRequest wanted = EmbeddingRequest.parse(json, Serving.answerId("embd-"), service.model());
        CommonFields common = wanted.common();
        String model = Serving.requireModel(service.model(), common.model());
        ResumableHeader.refuse(request);
        JsonOut out = new JsonOut();
        try (Generation generation = start(request, service, wanted);
                var _ = ClientConnection.watch(generation::cancel)) {
            write(answers.readWhole(generation), wanted, model, out);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("the server is stopping", e);
        }
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(out.toBytes());
    }

    private static Generation start(ServerRequest request, GenerationService service, EmbeddingRequest wanted) {
        CommonFields common = wanted.common();
        try {
            var terms = Entry.of(request).terms(wanted.text(), common.wishes());
            return Answers.start(service, wanted.text(), terms, common, EmbeddingRequest.INPUT);
        } catch (InvalidRequest e) {
            // What is a prompt to the engine has another name here.
            if (!e.parameter().equals("prompt")) throw e;
            throw new InvalidRequest(EmbeddingRequest.INPUT, e.problem());
        }
    }

    private static void write(Reading reading, EmbeddingRequest wanted, String model, JsonOut out)
            throws InterruptedException {
        out.raw("{\"object\":\"list\",\"data\":[");
        for (int i = 0; i < wanted.text().prompts().size(); i++) {
            out.raw(i == 0 ? "" : ",")
                    .raw("{\"object\":\"embedding\",\"index\":")
                    .number(i)
                    .raw(",\"embedding\":");
            float[] numbers = numbers(reading.embedding(i), wanted);
            if (wanted.base64()) out.string(base64(numbers));
            else array(out, numbers);
            out.raw("}");
        }
        int tokens = reading.usage().prompt();
        out.raw("],\"model\":")
                .string(model)
                .raw(",\"usage\":{\"prompt_tokens\":")
                .number(tokens)
                .raw(",\"total_tokens\":")
                .number(tokens)
                .raw("}}");
    }

    /// The first numbers of the pooled state, brought to the length 1 unless that is not wanted.
    private static float[] numbers(double[] pooled, EmbeddingRequest wanted) {
        double squares = 0;
        for (int i = 0; i < wanted.width(); i++) squares += pooled[i] * pooled[i];
        double scale = wanted.normalised() && squares > 0 ? 1 / Math.sqrt(squares) : 1;
        float[] numbers = new float[wanted.width()];
        for (int i = 0; i < numbers.length; i++) numbers[i] = (float) (pooled[i] * scale);
        return numbers;
    }

    private static String base64(float[] numbers) {
        ByteBuffer bytes = ByteBuffer.allocate(numbers.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float number : numbers) bytes.putFloat(number);
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    private static void array(JsonOut out, float[] numbers) {
        out.raw("[");
        for (int i = 0; i < numbers.length; i++) out.raw(i == 0 ? "" : ",").number(numbers[i]);
        out.raw("]");
    }
}

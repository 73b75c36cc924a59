package io.sluice.server.openai;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.http.JsonOut;

/// `GET /v1/models` and `GET /v1/models/{id}`. Request threads.
public final class ModelsRoute implements Handler {
    private final Serving serving;

    public ModelsRoute(Serving serving) {
        this.serving = serving;
    }

    /// The list.
    @Override
    public void handle(ServerRequest request, ServerResponse response) {
        GenerationService service = serving.service();
        JsonOut out = new JsonOut().raw("{\"object\":\"list\",\"data\":[");
        boolean first = true;
        for (String name : service.model().names()) {
            out.raw(first ? "" : ",");
            model(out, service, name);
            first = false;
        }
        send(response, out.raw("]}"));
    }

    /// One of them.
    public void handleOne(ServerRequest request, ServerResponse response) {
        GenerationService service = serving.service();
        ServedModel model = service.model();
        String name = request.path().pathParameters().get("id");
        if (!model.names().contains(name)) throw Serving.noSuchModel(model, name);
        JsonOut out = new JsonOut();
        model(out, service, name);
        send(response, out);
    }

    private static void model(JsonOut out, GenerationService service, String name) {
        out.raw("{\"id\":")
                .string(name)
                .raw(",\"object\":\"model\",\"created\":")
                .number(service.model().createdSecond())
                .raw(",\"owned_by\":\"sluice\",\"root\":")
                .string(service.model().name())
                .raw(",\"parent\":null,\"max_model_len\":")
                .number(service.contextMax());
        details(out, service.model());
    }

    /// What the model's files say, and what it can be asked for.
    private static void details(JsonOut out, ServedModel model) {
        ServedModel.Traits traits = model.traits();
        out.raw(",\"architecture\":")
                .string(traits.architecture())
                .raw(",\"quantization\":")
                .string(traits.quantized() ? traits.weights() : null)
                .raw(",\"weights\":")
                .string(traits.weights())
                .raw(",\"context_trained\":")
                .number(traits.contextTrained())
                .raw(",\"vocab_size\":")
                .number(model.tokenizer().vocabSize())
                .raw(",\"embedding_length\":")
                .number(traits.embeddings().width())
                .raw(",\"chat_template\":")
                .raw(model.chatTemplate().isPresent() ? "true" : "false")
                .raw(",\"tool_calls\":")
                .string(model.format().tools().word())
                .raw(",\"reasoning\":")
                .raw(model.format().thinks() ? "true" : "false")
                .raw("}");
    }

    private static void send(ServerResponse response, JsonOut out) {
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(out.toBytes());
    }
}

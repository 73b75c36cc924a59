package io.sluice.server.responses;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.openai.Acceptance;
import io.sluice.server.openai.Answers;
import io.sluice.server.openai.ChatRequest;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.Json;
import io.sluice.server.openai.Message;
import io.sluice.server.openai.Serving;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// `POST /v1/responses`, and `GET` and `DELETE` of those that are kept. Request threads.
public final class ResponsesRoute implements Handler {
    private final Serving serving;
    private final ResponseStore store;
    private final Answers answers;

    public ResponsesRoute(Serving serving, ResponseStore store) {
        this.serving = serving;
        this.store = store;
        this.answers = new Answers(serving.heartbeat());
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        answers.send(accept(request), response);
    }

    private Answers.Answer accept(ServerRequest request) throws IOException {
        GenerationService service = serving.service();
        Fields fields = Fields.of(Json.parseObject(serving.bodies().read(request)));
        String owner = serving.owners().ownerOf(request);
        List<Object> conversation = before(fields, owner);
        String id = Serving.answerId("resp_");
        ChatRequest chat = ChatRequest.parse(
                ResponsesTranslation.toChat(fields, conversation),
                id,
                service.model().format());
        String model = Serving.requireModel(service.model(), chat.common().model());
        boolean stored = fields.isTrue("store", true) && store.keeps();
        ResponseObject object =
                ResponseObject.of(fields, chat, new ResponseObject.Names(id, Serving.nowSecond(), model), stored);
        ResponsesFormat.Keeper keeper = (answer, json) -> {
            if (!stored) return;
            conversation.add(said(answer));
            store.keep(id, owner, conversation, json);
        };
        return new Acceptance(serving, request, "input")
                .acceptOnce(service, chat.common(), chat.text(), new ResponsesFormat(object, keeper));
    }

    /// What was said up to the response that this one follows.
    private List<Object> before(Fields fields, String owner) {
        String previous = fields.string("previous_response_id");
        if (previous == null) return new ArrayList<>();
        return new ArrayList<>(store.find(previous, owner)
                .orElseThrow(() -> store.notHere("previous_response_id", previous))
                .conversation());
    }

    private static Map<String, Object> said(Message answer) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", "assistant");
        message.put("content", answer.text());
        List<Object> calls = new ArrayList<>();
        for (Message.Call call : answer.calls()) {
            calls.add(Map.of(
                    "id", call.id(),
                    "type", "function",
                    "function", Map.of("name", call.name(), "arguments", call.arguments())));
        }
        if (!calls.isEmpty()) message.put("tool_calls", calls);
        return message;
    }

    /// One that is kept.
    public void get(ServerRequest request, ServerResponse response) {
        String id = request.path().pathParameters().get("id");
        byte[] json = store.find(id, serving.owners().ownerOf(request))
                .orElseThrow(() -> store.notHere("id", id))
                .json();
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(json);
    }

    /// What a request's prompt comes to.
    public void countTokens(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        Fields fields = Fields.of(Json.parseObject(serving.bodies().read(request)));
        List<Object> conversation = before(fields, serving.owners().ownerOf(request));
        ChatRequest chat = ChatRequest.parse(
                ResponsesTranslation.toChat(fields, conversation),
                Serving.answerId("count_"),
                service.model().format());
        Serving.requireModel(service.model(), chat.common().model());
        Entry.of(request).answerAtOnce();
        int[] tokens = service.tokens(chat.text().prompts().getFirst());
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(new JsonOut()
                .raw("{\"object\":\"response.input_tokens\",\"input_tokens\":")
                .number(tokens.length)
                .raw("}")
                .toBytes());
    }

    /// Only what runs in the background can be cancelled, and nothing does: whoever hangs up cancels.
    public void cancel(ServerRequest request, ServerResponse response) {
        String id = request.path().pathParameters().get("id");
        if (store.find(id, serving.owners().ownerOf(request)).isEmpty()) throw store.notHere("id", id);
        throw ApiError.invalid(
                "id",
                "The response \"" + id + "\" is complete, and only responses in the background can be cancelled. To"
                        + " cancel one that is under way, close its connection.");
    }

    /// Forgets one.
    public void delete(ServerRequest request, ServerResponse response) {
        String id = request.path().pathParameters().get("id");
        if (!store.delete(id, serving.owners().ownerOf(request))) throw store.notHere("id", id);
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(new JsonOut()
                .raw("{\"id\":")
                .string(id)
                .raw(",\"object\":\"response\",\"deleted\":true}")
                .toBytes());
    }
}

package io.sluice.server.openai;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.modelstore.RenderedChat;
import io.sluice.modelstore.Tokenizer;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.Prompt;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/// What a text comes to, without generating anything: `POST /tokenize`, `/detokenize`, `/v1/chat/completions/render`.
/// Request threads.
public final class TokenRoutes {
    private final Serving serving;

    public TokenRoutes(Serving serving) {
        this.serving = serving;
    }

    /// Text, or a conversation, to token ids.
    public void tokenize(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        TokenizeRequest wanted =
                TokenizeRequest.parse(read(request), service.model().format());
        Serving.requireModel(service.model(), wanted.model());
        Entry.of(request).answerAtOnce();
        int[] tokens = wanted.tokens(service);
        JsonOut out = new JsonOut()
                .raw("{\"count\":")
                .number(tokens.length)
                .raw(",\"max_model_len\":")
                .number(service.contextMax())
                .raw(",\"tokens\":");
        ids(out, tokens);
        out.raw(",\"token_strs\":");
        if (wanted.spelled()) spellings(out, tokens, service.model().tokenizer());
        else out.raw("null");
        send(response, out.raw("}"));
    }

    /// Token ids to text. Special tokens are left out, as they are of answers.
    public void detokenize(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        Fields fields = Fields.of(read(request));
        Serving.requireModel(service.model(), fields.string("model"));
        List<Object> list = fields.list("tokens");
        if (list == null) throw ApiError.invalid("tokens", "tokens must be an array of token ids.");
        int[] tokens =
                list.stream().mapToInt(id -> CommonFields.tokenId("tokens", id)).toArray();
        service.requireTokens("tokens", tokens);
        Entry.of(request).answerAtOnce();
        send(
                response,
                new JsonOut()
                        .raw("{\"prompt\":")
                        .string(service.model().tokenizer().decode(tokens))
                        .raw("}"));
    }

    /// A chat request's prompt: the text that the model's template writes, and its token ids.
    public void render(ServerRequest request, ServerResponse response) throws IOException {
        GenerationService service = serving.service();
        ChatRequest chat = ChatRequest.parse(
                read(request), Serving.answerId("render-"), service.model().format());
        String model = Serving.requireModel(service.model(), chat.common().model());
        Entry.of(request).answerAtOnce();
        RenderedChat rendered =
                service.render((Prompt.Chat) chat.text().prompts().getFirst());
        int[] tokens = service.model().tokenizer().encode(rendered);
        JsonOut out = new JsonOut()
                .raw("{\"model\":")
                .string(model)
                .raw(",\"prompt\":")
                .string(rendered.text())
                .raw(",\"count\":")
                .number(tokens.length)
                .raw(",\"max_model_len\":")
                .number(service.contextMax())
                .raw(",\"token_ids\":");
        ids(out, tokens);
        send(response, out.raw("}"));
    }

    private Map<String, Object> read(ServerRequest request) throws IOException {
        return Json.parseObject(serving.bodies().read(request));
    }

    private static void ids(JsonOut out, int[] tokens) {
        out.raw("[");
        for (int i = 0; i < tokens.length; i++) out.raw(i == 0 ? "" : ",").number(tokens[i]);
        out.raw("]");
    }

    private static void spellings(JsonOut out, int[] tokens, Tokenizer tokenizer) {
        out.raw("[");
        for (int i = 0; i < tokens.length; i++) out.raw(i == 0 ? "" : ",").string(tokenizer.tokenText(tokens[i]));
        out.raw("]");
    }

    private static void send(ServerResponse response, JsonOut out) {
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(out.toBytes());
    }
}

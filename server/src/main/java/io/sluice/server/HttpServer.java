package io.sluice.server;

import io.helidon.webserver.http.HttpRouting;
import io.sluice.server.access.AccessFilter;
import io.sluice.server.access.InferenceHandler;
import io.sluice.server.access.Intake;
import io.sluice.server.http.ConnectionClosing;
import io.sluice.server.http.ErrorMapping;
import io.sluice.server.http.RequestArrival;
import io.sluice.server.http.RequestBodies;
import io.sluice.server.http.RequestIds;
import io.sluice.server.http.UnknownRoutes;
import io.sluice.server.http.UnknownRoutes.Known;
import io.sluice.server.messages.MessagesRoute;
import io.sluice.server.openai.ChatCompletionsRoute;
import io.sluice.server.openai.CompletionsRoute;
import io.sluice.server.openai.EmbeddingsRoute;
import io.sluice.server.openai.InvocationsRoute;
import io.sluice.server.openai.ModelsRoute;
import io.sluice.server.openai.ResumableStreams;
import io.sluice.server.openai.Serving;
import io.sluice.server.openai.StreamOwners;
import io.sluice.server.openai.StreamsRoute;
import io.sluice.server.openai.TokenRoutes;
import io.sluice.server.responses.ResponseStore;
import io.sluice.server.responses.ResponsesRoute;
import io.sluice.server.settings.ServerSettings;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The routes that everybody uses, and the socket before them. Any thread.
final class HttpServer implements AutoCloseable {
    private static final List<Known> ROUTES = List.of(
            new Known("POST", "/v1/chat/completions"),
            new Known("POST", "/v1/completions"),
            new Known("POST", "/v1/chat/completions/render"),
            new Known("POST", "/v1/messages"),
            new Known("POST", "/v1/messages/count_tokens"),
            new Known("POST", "/v1/responses"),
            new Known("GET, DELETE", "/v1/responses/{id}"),
            new Known("POST", "/tokenize"),
            new Known("POST", "/detokenize"),
            new Known("POST", "/v1/embeddings"),
            new Known("POST", "/invocations"),
            new Known("GET", "/ping"),
            new Known("POST", "/v1/responses/input_tokens"),
            new Known("POST", "/v1/responses/{id}/cancel"),
            new Known("GET", "/v1/models"),
            new Known("GET", "/v1/models/{id}"),
            new Known("GET, DELETE", "/v1/streams/{id}"),
            new Known("GET", "/livez"),
            new Known("GET", "/readyz"),
            new Known("GET", "/startupz"),
            new Known("GET", "/health"),
            new Known("GET", "/version"),
            new Known("GET", "/openapi.json"),
            new Known("GET", "/metrics"));

    private final Listener listener;
    private final BatchRoutes batches;

    private HttpServer(Listener listener, BatchRoutes batches) {
        this.listener = listener;
        this.batches = batches;
    }

    /// What the routes lead to. A value.
    ///
    /// @param access decides who comes as far as a route
    /// @param owners whose a stream is that its client may come back to
    record Behind(
            Lifecycle lifecycle, ServerMetrics metrics, Intake intake, AccessFilter access, StreamOwners owners) {}

    /// Starts listening.
    ///
    /// @throws Listener.ListenFailed if the address cannot be listened on
    static HttpServer start(ServerSettings.Http settings, Behind behind) {
        Listener.Address address = new Listener.Address(settings.host(), settings.port(), "--port");
        HttpRouting.Builder routing = HttpRouting.builder();
        Serving serving = serving(settings, behind);
        addFilters(routing, behind);
        addAnswers(routing, serving, settings, behind.intake());
        BatchRoutes batches = BatchRoutes.register(routing, serving, settings.batches(), behind.intake());
        try {
            addOthers(routing, serving, behind);
            return new HttpServer(Listener.start(address, settings, routing), batches);
        } catch (Throwable e) {
            batches.close();
            throw e;
        }
    }

    private static Serving serving(ServerSettings.Http settings, Behind behind) {
        ServerSettings.Streams limits = settings.streams();
        ResumableStreams streams = new ResumableStreams(limits.resumableMax(), limits.grace());
        behind.metrics().observe(streams);
        RequestBodies bodies = new RequestBodies(settings.bodyBytesMax());
        return new Serving(behind.lifecycle()::service, bodies, limits.heartbeat(), streams, behind.owners());
    }

    private static void addFilters(HttpRouting.Builder routing, Behind behind) {
        routing.addFilter(new RequestArrival());
        routing.addFilter(
                behind.metrics().http(knownRoutes().stream().map(Known::path).collect(Collectors.toSet())));
        routing.addFilter(new ConnectionClosing(behind.lifecycle()::isLeaving));
        routing.addFilter(new RequestIds());
        routing.addFilter(behind.access());
        ErrorMapping.register(routing);
    }

    /// What makes text, or says what one would take.
    private static void addAnswers(
            HttpRouting.Builder routing, Serving serving, ServerSettings.Http settings, Intake intake) {
        routing.post("/v1/chat/completions", new InferenceHandler(intake, new ChatCompletionsRoute(serving)));
        routing.post("/v1/completions", new InferenceHandler(intake, new CompletionsRoute(serving)));
        routing.post("/v1/embeddings", new InferenceHandler(intake, new EmbeddingsRoute(serving)));
        routing.post("/invocations", new InferenceHandler(intake, new InvocationsRoute(serving)));
        TokenRoutes tokens = new TokenRoutes(serving);
        routing.post("/v1/chat/completions/render", new InferenceHandler(intake, tokens::render));
        routing.post("/tokenize", new InferenceHandler(intake, tokens::tokenize));
        routing.post("/detokenize", new InferenceHandler(intake, tokens::detokenize));
        MessagesRoute messages = new MessagesRoute(serving);
        routing.post("/v1/messages", new InferenceHandler(intake, messages));
        routing.post("/v1/messages/count_tokens", new InferenceHandler(intake, messages::countTokens));
        ServerSettings.Responses kept = settings.responses();
        ResponsesRoute responses =
                new ResponsesRoute(serving, new ResponseStore(kept.max(), kept.retention(), System::nanoTime));
        routing.post("/v1/responses", new InferenceHandler(intake, responses));
        routing.post("/v1/responses/input_tokens", new InferenceHandler(intake, responses::countTokens));
        routing.post("/v1/responses/{id}/cancel", responses::cancel);
        routing.get("/v1/responses/{id}", responses::get);
        routing.delete("/v1/responses/{id}", responses::delete);
    }

    private static void addOthers(HttpRouting.Builder routing, Serving serving, Behind behind) {
        ModelsRoute models = new ModelsRoute(serving);
        routing.get("/v1/models", models);
        routing.get("/v1/models/{id}", models::handleOne);
        StreamsRoute streams = new StreamsRoute(serving);
        routing.get("/v1/streams/{id}", streams);
        routing.delete("/v1/streams/{id}", streams::delete);
        routing.get("/metrics", new MetricsRoute(behind.metrics()));
        routing.register(new ProbeRoutes(behind.lifecycle()));
        routing.get("/openapi.json", new OpenApiRoute());
        UnknownRoutes.register(routing, knownRoutes());
    }

    /// All routes and their methods.
    static List<Known> knownRoutes() {
        return Stream.concat(ROUTES.stream(), BatchRoutes.ROUTES.stream()).toList();
    }

    /// The port that is listened on.
    int port() {
        return listener.port();
    }

    /// Stops listening, and gives responses under way a moment to end.
    @Override
    public void close() {
        batches.close();
        listener.close();
    }
}

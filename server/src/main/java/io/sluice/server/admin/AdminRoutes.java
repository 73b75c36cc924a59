package io.sluice.server.admin;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.batching.Engines;
import io.sluice.server.access.Intake;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonText;
import io.sluice.server.http.RequestBodies;
import io.sluice.server.http.UnknownRoutes.Known;
import io.sluice.server.records.RequestLog;
import io.sluice.server.records.RequestRecord;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.SettingsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What operators ask and order: the policy, what became of a request, the live queue. Request threads.
public final class AdminRoutes implements HttpService {
    public static final List<Known> KNOWN = List.of(
            new Known("GET", "/admin/policy"),
            new Known("POST", "/admin/policy/reload"),
            new Known("GET", "/admin/requests"),
            new Known("GET", "/admin/requests/{id}"),
            new Known("GET", "/admin/queue"));

    private static final int REQUESTS_USUAL = 100;
    private static final int TENANTS_USUAL = 1000;
    private static final Duration WHILE_STARTING = Duration.ofSeconds(2);

    private final Intake intake;
    private final PolicyReload reload;
    private final RequestBodies bodies;
    private volatile @Nullable Engines engine; // null while the model is being loaded

    /// @param bodies reads policies that are sent for a dry run
    public AdminRoutes(Intake intake, PolicyReload reload, RequestBodies bodies) {
        this.intake = intake;
        this.reload = reload;
        this.bodies = bodies;
    }

    /// The engine has started.
    public void observe(Engines started) {
        engine = started;
    }

    @Override
    public void routing(HttpRules rules) {
        rules.get("/admin/policy", this::policy)
                .post("/admin/policy/reload", this::reload)
                .get("/admin/requests", this::requests)
                .get("/admin/requests/{id}", this::request)
                .get("/admin/queue", this::queue);
    }

    private void policy(ServerRequest request, ServerResponse response) {
        send(response, PolicyView.of(intake.policy().now().policy(), limit(request, TENANTS_USUAL)));
    }

    private void reload(ServerRequest request, ServerResponse response) throws IOException {
        boolean dryRun = dryRun(request);
        boolean hasText = request.content().hasEntity();
        if (hasText && !dryRun) {
            throw ApiError.invalid(
                    null, "Only a dry run takes a policy as its body; a reload reads the server's files.");
        }
        try {
            PolicyReload.Outcome outcome =
                    !dryRun ? reload.reload() : hasText ? reload.dryRun(sent(request)) : reload.dryRun();
            send(response, PolicyView.of(outcome));
        } catch (SettingsException e) {
            throw ApiError.invalid(400, null, "invalid_policy", e.getMessage());
        }
    }

    private ConfigText sent(ServerRequest request) throws IOException {
        String text = new String(bodies.read(request), StandardCharsets.UTF_8);
        return new ConfigText.Given("the request's body", text);
    }

    /// A misspelt parameter is refused: what was meant to change nothing would be put in force.
    private static boolean dryRun(ServerRequest request) {
        for (String name : request.query().names()) {
            if (name.equals("dry_run")) continue;
            throw ApiError.invalid(name, "The query knows dry_run=true or false, and not \"" + name + "\".");
        }
        return switch (request.query().first("dry_run").orElse("false")) {
            case "true" -> true;
            case "false" -> false;
            case String other ->
                throw ApiError.invalid("dry_run", "dry_run must be true or false, got \"" + other + "\".");
        };
    }

    private void requests(ServerRequest request, ServerResponse response) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("requests", RequestView.brief(intake.log().newest(limit(request, REQUESTS_USUAL))));
        send(response, view);
    }

    private void request(ServerRequest request, ServerResponse response) {
        String id = request.path().pathParameters().get("id");
        RequestRecord record = intake.log()
                .find(id)
                .orElseThrow(() -> ApiError.invalid(
                        404,
                        "id",
                        "request_not_found",
                        "There is no request with this id under way or among the latest " + RequestLog.RECENT_MAX
                                + ". Both the x-request-id and the answer's id are known."));
        send(response, RequestView.full(record, intake.log()));
    }

    private void queue(ServerRequest request, ServerResponse response) {
        Engines started = engine;
        if (started == null) {
            throw ApiError.unavailable("starting", "The server is still loading its model.", WHILE_STARTING);
        }
        try {
            send(response, QueueView.of(started, intake.log()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("the server is stopping", e);
        }
    }

    private static int limit(ServerRequest request, int usual) {
        String text = request.query().first("limit").orElse(Integer.toString(usual));
        try {
            int limit = Integer.parseInt(text);
            if (limit >= 1) return limit;
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw ApiError.invalid("limit", "limit must be a whole number of at least 1, got \"" + text + "\".");
    }

    private static void send(ServerResponse response, Map<String, Object> view) {
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.header(HeaderValues.CACHE_NO_CACHE);
        response.send(JsonText.of(view));
    }
}

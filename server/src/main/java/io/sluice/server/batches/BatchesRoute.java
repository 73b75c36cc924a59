package io.sluice.server.batches;

import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.access.Identity;
import io.sluice.server.http.ApiError;
import io.sluice.server.openai.BodyFields;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.Json;
import io.sluice.server.openai.Serving;
import io.sluice.server.openai.Unattended;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `/v1/batches`: many requests in a file, answered when there is room. Request threads.
public final class BatchesRoute {
    private static final String WINDOW = "24h";
    private static final int LIST_MAX = 100;
    private static final int LIST = 20;

    private final Serving serving;
    private final BatchStore store;
    private final BatchRunner runner;

    public BatchesRoute(Serving serving, BatchStore store, BatchRunner runner) {
        this.serving = serving;
        this.store = store;
        this.runner = runner;
    }

    /// Takes one.
    public void create(ServerRequest request, ServerResponse response) throws IOException {
        Fields fields = Fields.of(Json.parseObject(serving.bodies().read(request)));
        if (Identity.of(request).tenant().isEmpty()) {
            throw ApiError.forbidden(
                    null, "key_without_tenant", "This API key serves administration alone; a batch needs a tenant's.");
        }
        String file = required(fields, "input_file_id");
        String endpoint = required(fields, "endpoint");
        if (!Unattended.PATHS.contains(endpoint)) {
            throw fields.wrong(
                    "endpoint",
                    "one of "
                            + String.join(
                                    ", ", Unattended.PATHS.stream().sorted().toList()),
                    endpoint);
        }
        String window = required(fields, "completion_window");
        if (!window.equals(WINDOW)) throw fields.wrong("completion_window", WINDOW, window);
        Map<String, String> metadata = BodyFields.metadata(fields);
        String owner = owner(request);
        if (store.file(file, owner).isEmpty()) throw BatchStore.notHere("input_file_id", file);
        Batch batch = store.begin(owner, new Batch.Wish(file, endpoint, window, metadata), Duration.ofHours(24));
        runner.start(batch);
        FilesRoute.send(response, batch.view());
    }

    /// The caller's, newest first.
    public void list(ServerRequest request, ServerResponse response) {
        List<Batch> own = store.batches(owner(request));
        Optional<String> after = request.query().first("after").asOptional();
        int start = 0;
        for (int i = 0; i < own.size() && after.isPresent(); i++) {
            if (own.get(i).text("id").equals(after.get())) start = i + 1;
        }
        int end = Math.min(own.size(), start + limit(request));
        List<Map<String, Object>> page =
                own.subList(start, end).stream().map(Batch::view).toList();
        FilesRoute.send(response, Map.of("object", "list", "data", page, "has_more", end < own.size()));
    }

    private static int limit(ServerRequest request) {
        String text = request.query().first("limit").orElse(Integer.toString(LIST));
        try {
            int limit = Integer.parseInt(text);
            if (limit >= 1 && limit <= LIST_MAX) return limit;
        } catch (NumberFormatException e) {
            // told below, like any other that is no limit
        }
        throw ApiError.invalid("limit", "limit must be between 1 and " + LIST_MAX + ".");
    }

    /// One of them.
    public void get(ServerRequest request, ServerResponse response) {
        FilesRoute.send(response, find(request).view());
    }

    /// Ends one; what is done stays done.
    public void cancel(ServerRequest request, ServerResponse response) {
        Batch batch = find(request);
        if (batch.isOver()) {
            throw ApiError.invalid(
                    409, "batch_id", "batch_over", "The batch is over already: " + batch.text("status") + ".");
        }
        runner.cancel(batch);
        FilesRoute.send(response, batch.view());
    }

    private Batch find(ServerRequest request) {
        String id = request.path().pathParameters().get("id");
        return store.batch(id, owner(request)).orElseThrow(() -> BatchStore.notHere("batch_id", id));
    }

    private String owner(ServerRequest request) {
        return serving.owners().ownerOf(request);
    }

    private static String required(Fields fields, String name) {
        String value = fields.string(name);
        if (value == null) throw ApiError.invalid(name, name + " is missing.");
        return value;
    }
}

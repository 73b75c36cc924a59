package io.sluice.server;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.sluice.server.access.Intake;
import io.sluice.server.batches.BatchFolderUnusable;
import io.sluice.server.batches.BatchRunner;
import io.sluice.server.batches.BatchStore;
import io.sluice.server.batches.BatchesRoute;
import io.sluice.server.batches.FilesRoute;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.UnknownRoutes.Known;
import io.sluice.server.openai.Serving;
import io.sluice.server.openai.Unattended;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;

/// The routes of files and batches, where there is a folder for them. Any thread.
final class BatchRoutes implements AutoCloseable {
    static final List<Known> ROUTES = List.of(
            new Known("GET, POST", "/v1/files"),
            new Known("GET, DELETE", "/v1/files/{id}"),
            new Known("GET", "/v1/files/{id}/content"),
            new Known("GET, POST", "/v1/batches"),
            new Known("GET", "/v1/batches/{id}"),
            new Known("POST", "/v1/batches/{id}/cancel"));

    private final Optional<Parts> parts;

    /// What has to be stopped, in this order. A value.
    private record Parts(BatchRunner runner, BatchStore store) {}

    private BatchRoutes(Optional<Parts> parts) {
        this.parts = parts;
    }

    /// Adds them, and goes on with the batches that an earlier process left.
    ///
    /// @throws SettingsException if the folder cannot be used, or another server uses it
    static BatchRoutes register(
            HttpRouting.Builder routing, Serving serving, ServerSettings.Batches settings, Intake intake) {
        if (settings.folder().isEmpty()) {
            registerRefusals(routing);
            return new BatchRoutes(Optional.empty());
        }
        InstantSource clock = InstantSource.system();
        BatchStore store = open(settings.folder().get(), settings.bytesMax(), clock);
        BatchRunner runner = new BatchRunner(store, new Unattended(serving), intake, clock);
        FilesRoute files = new FilesRoute(serving, store);
        BatchesRoute batches = new BatchesRoute(serving, store, runner);
        routing.post("/v1/files", files::upload);
        routing.get("/v1/files", files::list);
        routing.get("/v1/files/{id}", files::get);
        routing.get("/v1/files/{id}/content", files::content);
        routing.delete("/v1/files/{id}", files::delete);
        routing.post("/v1/batches", batches::create);
        routing.get("/v1/batches", batches::list);
        routing.get("/v1/batches/{id}", batches::get);
        routing.post("/v1/batches/{id}/cancel", batches::cancel);
        runner.resume();
        return new BatchRoutes(Optional.of(new Parts(runner, store)));
    }

    private static BatchStore open(Path folder, long bytesMax, InstantSource clock) {
        try {
            return new BatchStore(folder, bytesMax, clock);
        } catch (BatchFolderUnusable e) {
            throw new SettingsException("batch-dir: " + e.getMessage());
        }
    }

    private static void registerRefusals(HttpRouting.Builder routing) {
        Handler refusal = (_, _) -> {
            throw ApiError.invalid(
                    404,
                    null,
                    "no_batches",
                    "This server keeps no files and batches: it was given no folder for them (--batch-dir).");
        };
        for (Known route : ROUTES) routing.any(route.path(), refusal);
    }

    @Override
    public void close() {
        parts.ifPresent(running -> {
            running.runner().close();
            running.store().close();
        });
    }
}

package io.sluice.server;

import static io.sluice.server.TestServer.json;

import io.sluice.batching.ModelRunner;
import io.sluice.server.settings.SettingsSource;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/// All of `sluice serve` in this process: the demo model on the real runner, in float32, with a meddler before it.
final class RealServer implements AutoCloseable {
    final MeddledRunner.Meddler meddler = new MeddledRunner.Meddler();
    private final AtomicInteger streamsBegun = new AtomicInteger();
    private final ServerAssembly assembly;
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private RealServer(SettingsSource source, int devices) {
        assembly = ServerAssembly.start(source, source.settings(), _ -> {}, runners -> {
            ModelRunner.Factory real = runners.getFirst();
            return Collections.nCopies(devices, () -> new MeddledRunner(real.create(), meddler));
        });
    }

    /// @param folder where the model is unpacked
    /// @param flags names and values in turn
    static RealServer start(Path folder, String... flags) {
        return new RealServer(source(Map.of(), folder, flags), 1);
    }

    /// The same with so many engines, as on so many GPUs. Each has a runner of its own, on the CPU.
    static RealServer startSeveral(int devices, Path folder, String... flags) {
        return new RealServer(source(Map.of(), folder, flags), devices);
    }

    /// The same with keys and a policy.
    static RealServer start(Tenants tenants, Path folder, String... flags) {
        SettingsSource given = tenants.source();
        SettingsSource ours = source(given.flags(), folder, flags);
        return new RealServer(new SettingsSource(ours.flags(), given.config(), Map.of()), 1);
    }

    private static SettingsSource source(Map<String, String> given, Path folder, String... flags) {
        Map<String, String> all = new HashMap<>(given);
        all.putAll(Map.of("port", "0", "dtype", "float32", "cache-dir", folder.toString()));
        for (int i = 0; i < flags.length; i += 2) all.put(flags[i], flags[i + 1]);
        return new SettingsSource(all, Optional.empty(), Map.of());
    }

    /// Puts the policy in force that the files hold now.
    void reload() {
        assembly.reload();
    }

    int port() {
        return URI.create(assembly.url()).getPort();
    }

    CompletableFuture<HttpResponse<String>> ask(String key, String json, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(assembly.url() + "/v1/completions"))
                .header("Content-Type", "application/json")
                .header("x-api-key", key.isEmpty() ? "none" : key)
                .POST(HttpRequest.BodyPublishers.ofString(json));
        if (headers.length > 0) request.headers(headers);
        return client.sendAsync(request.build(), info -> {
            if (info.headers().firstValue("content-type").orElse("").startsWith("text/event-stream"))
                streamsBegun.incrementAndGet();
            return HttpResponse.BodyHandlers.ofString().apply(info);
        });
    }

    /// Streams whose status line and headers have come, since the start.
    int streamsBegun() {
        return streamsBegun.get();
    }

    HttpResponse<String> get(String key, String path) throws IOException, InterruptedException {
        return get(URI.create(assembly.url() + path), key);
    }

    Map<String, Object> admin(String key, String path) throws IOException, InterruptedException {
        HttpResponse<String> response = get(URI.create(assembly.adminUrl().orElseThrow() + path), key);
        if (response.statusCode() != 200) throw new AssertionError(response.body());
        return json(response.body());
    }

    private HttpResponse<String> get(URI uri, String key) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(uri)
                .header("x-api-key", key.isEmpty() ? "none" : key)
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    int status(String path) {
        try {
            return get("", path).statusCode();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /// The sum of the series that begin like this.
    double metric(String key, String beginning) {
        try {
            HttpResponse<String> response = get(key, "/metrics");
            if (!response.body().contains("\n" + beginning)) throw new AssertionError("no " + beginning);
            return response.body()
                    .lines()
                    .filter(line -> line.startsWith(beginning))
                    .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                    .sum();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        meddler.letGo();
        assembly.close();
        client.close();
    }
}

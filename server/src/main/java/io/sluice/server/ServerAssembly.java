package io.sluice.server;

import com.sun.management.OperatingSystemMXBean;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.ModelLimits;
import io.sluice.device.Device;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.SettingsFlags;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/// Puts the parts together, in this order: listener (so that probes are answered while the model loads), model, engine,
/// service. The only place that knows them all. Closing takes them apart in reverse. One thread.
final class ServerAssembly implements AutoCloseable {
    private static final String DEMO = "sluice-demo";

    private final ServerSettings settings;
    private final Lifecycle lifecycle = new Lifecycle();
    private final ModelFiles model;
    private final HttpServer http;
    private final Engine engine;
    private final ServedModel served;

    /// @param say takes lines for the operator about what was decided
    private ServerAssembly(ServerSettings settings, Consumer<String> say) {
        this.settings = settings;
        // Opened before anything else: what is wrong with it should be the first thing said.
        this.model = open(settings.model());
        List<String> names = settings.model().names().orElse(List.of(model.name()));
        ServerMetrics metrics = new ServerMetrics(names.getFirst());
        try {
            this.http = HttpServer.start(settings.http(), lifecycle, metrics);
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
        try {
            ModelPlan plan = ModelPlan.of(settings, model.config(), Device.preferredDtype(model), memoryBytes());
            say.accept(describe(model, plan));
            this.engine = Engine.start(names.getFirst(), engineSettings(), Device.runner(model, plan.runner()));
            say.accept(describe(engine.limits(), plan));
            this.served = new ServedModel(
                    names,
                    model.tokenizer(),
                    model.chatTemplate(),
                    model.generationDefaults(),
                    settings.engine().outputTokensDefault(),
                    System.currentTimeMillis() / 1000);
            metrics.observe(engine);
            lifecycle.ready(new GenerationService(served, engine, metrics), engine::isAlive);
        } catch (Throwable e) {
            http.close();
            model.close();
            throw e;
        }
    }

    /// Starts everything; returns when requests are taken.
    static ServerAssembly start(ServerSettings settings, Consumer<String> say) {
        return new ServerAssembly(settings, say);
    }

    /// Where clients on this machine find the server.
    String url() {
        String host = settings.http().host();
        boolean everywhere = host.equals("0.0.0.0") || host.equals("::");
        String address = everywhere ? "127.0.0.1" : host.contains(":") ? "[" + host + "]" : host;
        return "http://" + address + ":" + http.port();
    }

    ServedModel served() {
        return served;
    }

    /// False once the engine has stopped by itself.
    boolean isAlive() {
        return engine.isAlive();
    }

    /// Stops politely: says so to load balancers, refuses what is new, and lets what runs finish, each for as long as
    /// the settings allow.
    ///
    /// @return true if nothing had to be broken off
    boolean drain() throws InterruptedException {
        lifecycle.leave();
        Thread.sleep(settings.lifecycle().drainDelay());
        lifecycle.drain();
        return engine.drain(settings.lifecycle().drainTimeout());
    }

    /// What is still running ends with an error event.
    @Override
    public void close() {
        lifecycle.drain();
        engine.close();
        http.close();
        model.close();
    }

    int runningCount() {
        var stats = engine.stats();
        return stats.running() + stats.waiting();
    }

    Duration drainTimeout() {
        return settings.lifecycle().drainTimeout();
    }

    private static ModelFiles open(ServerSettings.Model settings) {
        if (settings.source().equals(DEMO)) return ModelStore.openDemo(settings.cacheFolder());
        Path path = Path.of(settings.source());
        String hint = SettingsFlags.hint(settings.source(), List.of(DEMO));
        if (!hint.isEmpty() && !Files.exists(path)) {
            throw new SettingsException("model is " + path + ", but there is no such file or folder" + hint);
        }
        return ModelStore.open(path);
    }

    private EngineSettings engineSettings() {
        ServerSettings.Engine chosen = settings.engine();
        return new EngineSettings(chosen.waitingMax(), chosen.prefixCaching(), chosen.sliceTokensMax());
    }

    private static long memoryBytes() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    private static String describe(ModelFiles model, ModelPlan plan) {
        var config = model.config();
        var runner = plan.runner();
        return "Model     %s: %s, %d layers, %s weights; computed in %s, keys and values in %s, on %d threads"
                .formatted(
                        model.name(),
                        config.architecture(),
                        config.layerCount(),
                        model.weightsType(),
                        word(runner.dtype()),
                        word(runner.kvDtype()),
                        runner.threads());
    }

    private static String describe(ModelLimits limits, ModelPlan plan) {
        return "Limits    %s tokens per request, %d requests at once, %s tokens per step; KV cache %s = %s blocks of %d, room to park %s"
                .formatted(
                        Amounts.count(limits.contextMax()),
                        limits.sequencesMax(),
                        Amounts.count(limits.stepTokensMax()),
                        Amounts.bytes(limits.cacheTokens() * plan.kvBytesPerToken()),
                        Amounts.count(limits.blockCount()),
                        limits.blockSize(),
                        Amounts.bytes((long) limits.hostBlockCount() * limits.blockSize() * plan.kvBytesPerToken()));
    }

    private static String word(Enum<?> dtype) {
        return dtype.name().toLowerCase(Locale.ROOT);
    }
}

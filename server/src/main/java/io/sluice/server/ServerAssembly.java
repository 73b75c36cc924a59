package io.sluice.server;

import static java.lang.System.Logger.Level.WARNING;

import com.sun.management.OperatingSystemMXBean;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.device.Device;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.Interruption;
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
import java.util.function.UnaryOperator;

/// Puts the parts together, in this order: listener (so that probes are answered while the model loads), model, engine,
/// service. The only place that knows them all. Closing takes them apart in reverse. One thread.
final class ServerAssembly implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ServerAssembly.class.getName());
    private static final String DEMO = "sluice-demo";

    /// For the last events of streams that are broken off, as long as their clients take them.
    private static final Duration LAST_EVENTS = Duration.ofSeconds(5);

    /// For the engine to end: a step that is under way, and giving the device's memory back. One that hangs would
    /// never.
    private static final Duration LAST_STEP = Duration.ofSeconds(10);

    private final ServerSettings settings;
    private final Lifecycle lifecycle = new Lifecycle();
    private final ModelFiles model;
    private final HttpServer http;
    private final Engine engine;
    private final ServedModel served;
    private final GenerationService service;
    private final EngineHealth health;

    /// @param say takes lines for the operator about what was decided
    /// @param around what stands between the engine and its runner
    private ServerAssembly(ServerSettings settings, Consumer<String> say, UnaryOperator<ModelRunner.Factory> around) {
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
            ModelRunner.Factory runner = around.apply(Device.runner(model, plan.runner()));
            this.engine = Engine.start(names.getFirst(), engineSettings(), runner);
            say.accept(describe(engine.limits(), plan));
            this.served = new ServedModel(
                    names,
                    model.tokenizer(),
                    model.chatTemplate(),
                    model.generationDefaults(),
                    settings.engine().outputTokensDefault(),
                    System.currentTimeMillis() / 1000);
            metrics.observe(engine);
            this.service = new GenerationService(served, engine, metrics);
            this.health = new EngineHealth(engine, settings.lifecycle().stuckStepTimeout());
            lifecycle.ready(service, health);
        } catch (Throwable e) {
            http.close();
            model.close();
            throw e;
        }
    }

    /// Starts everything; returns when requests are taken.
    static ServerAssembly start(
            ServerSettings settings, Consumer<String> say, UnaryOperator<ModelRunner.Factory> around) {
        return new ServerAssembly(settings, say, around);
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

    EngineHealth health() {
        return health;
    }

    /// Waits until the engine has ended by itself or was closed, at most for `patience`.
    boolean awaitEnd(Duration patience) throws InterruptedException {
        return engine.awaitEnd(patience);
    }

    /// Stops politely: says so to load balancers, refuses what is new, and lets answers under way be finished and
    /// delivered, each for as long as the settings allow.
    ///
    /// @return true if nothing had to be broken off
    boolean drain() throws InterruptedException {
        lifecycle.leave();
        Thread.sleep(settings.lifecycle().drainDelay());
        lifecycle.drain();
        engine.drain(Duration.ZERO);
        return service.open().awaitNone(settings.lifecycle().drainTimeout());
    }

    /// Answers that are still under way end with an error that says so.
    @Override
    public void close() {
        lifecycle.drain();
        try {
            service.open().interrupt(Interruption.SERVER_STOPPING, _ -> true);
            service.open().awaitNone(LAST_EVENTS);
            http.close();
            Thread ending = Thread.ofVirtual().start(engine::close);
            // What a step that hangs computes with must not be taken from under it.
            if (ending.join(LAST_STEP)) model.close();
            else LOG.log(WARNING, "the step under way does not return; the process ends without it");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// Requests whose answer is not delivered yet.
    int openCount() {
        return service.open().count();
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
        return "Limits    %s tokens per request, %d requests at once, %s tokens per step; KV cache %s = %s blocks of %d"
                .formatted(
                        Amounts.count(limits.contextMax()),
                        limits.sequencesMax(),
                        Amounts.count(limits.stepTokensMax()),
                        Amounts.bytes(limits.cacheTokens() * plan.kvBytesPerToken()),
                        Amounts.count(limits.blockCount()),
                        limits.blockSize());
    }

    private static String word(Enum<?> dtype) {
        return dtype.name().toLowerCase(Locale.ROOT);
    }
}

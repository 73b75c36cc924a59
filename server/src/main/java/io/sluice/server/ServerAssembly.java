package io.sluice.server;

import static java.lang.System.Logger.Level.WARNING;

import com.sun.management.OperatingSystemMXBean;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineGroup;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.Engines;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.device.CudaDevices;
import io.sluice.device.CudaSettings;
import io.sluice.device.Device;
import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import io.sluice.modelstore.TensorType;
import io.sluice.server.admin.AdminRoutes;
import io.sluice.server.audit.AuditTrail;
import io.sluice.server.audit.WeightsHash;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.Interruption;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.http.RequestBodies;
import io.sluice.server.hub.HubModels;
import io.sluice.server.openai.StreamOwners;
import io.sluice.server.output.OutputFormat;
import io.sluice.server.policy.Policy;
import io.sluice.server.settings.AdminPort;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.SettingsFlags;
import io.sluice.server.settings.SettingsSource;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Puts the parts together, in this order: model files, policy and keys, listeners (so that probes are answered while
/// the weights load), engine, service. The only place that knows them all. Closing ends what is under way, then takes
/// the listeners away, the engine and the model. One thread.
final class ServerAssembly implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ServerAssembly.class.getName());
    private static final String DEMO = "sluice-demo";

    /// For the last events of streams that are broken off, as long as their clients take them.
    private static final Duration LAST_EVENTS = Duration.ofSeconds(5);

    /// For the engine to end: a step that is under way, and giving the device's memory back. One that hangs never
    /// would.
    private static final Duration LAST_STEP = Duration.ofSeconds(10);

    private final ServerSettings settings;
    private final Lifecycle lifecycle = new Lifecycle();
    private final Deque<Runnable> endings = new ArrayDeque<>(); // of what was started, latest first
    private final ModelFiles model;
    private final ServedModel served;
    private @Nullable DraftModel draft; // opened with the engine
    private final Tenancy tenancy;
    private final Optional<AuditTrail> audit;
    private final HttpServer http;
    private final Optional<AdminServer> admin;
    private final Engines engine;
    private final GenerationService service;
    private final EngineHealth health;

    /// @param say takes lines for the operator about what was decided
    /// @param around what stands between the engines and their runners, one for each device
    private ServerAssembly(
            SettingsSource source,
            ServerSettings settings,
            Consumer<String> say,
            UnaryOperator<List<ModelRunner.Factory>> around) {
        this.settings = settings;
        try {
            // Opened before anything else: what is wrong with it should be the first thing said.
            this.model = open(settings.model(), say);
            endings.push(model::close);
            this.served = served(settings, model);
            ServerMetrics metrics = new ServerMetrics(
                    served.name(),
                    settings.access().metricsTenantsMax(),
                    settings.access().scaleTargetLoad());
            this.tenancy = Tenancy.of(source, settings, served, metrics, Tenancy.Clocks.SYSTEM);
            this.audit = startAudit(metrics);
            audit.ifPresent(trail -> endings.push(trail::close));
            this.http = HttpServer.start(
                    settings.http(),
                    new HttpServer.Behind(
                            lifecycle, metrics, tenancy.intake(), tenancy.mainFilter(), StreamOwners.BY_KEY));
            endings.push(http::close);
            AdminRoutes routes = new AdminRoutes(
                    tenancy.intake(),
                    tenancy.reload(),
                    new RequestBodies(settings.http().bodyBytesMax()));
            this.admin = startAdmin(routes);
            admin.ifPresent(started -> endings.push(started::close));
            this.engine = startEngine(say, around);
            endings.push(engine::close);
            metrics.observe(engine);
            routes.observe(engine);
            this.service = new GenerationService(served, engine);
            this.health = new EngineHealth(engine, settings.lifecycle().stuckStepTimeout());
            lifecycle.ready(service, health);
        } catch (Throwable e) {
            endings.forEach(ending -> endAfter(e, ending));
            throw e;
        }
    }

    /// Ends a part because another did not start: that is what is to be said, whatever comes of the ending.
    private static void endAfter(Throwable failure, Runnable ending) {
        try {
            ending.run();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    private static ServedModel served(ServerSettings settings, ModelFiles model) {
        return new ServedModel(
                settings.model().names().orElse(List.of(model.name())),
                model.tokenizer(),
                model.chatTemplate(),
                model.generationDefaults(),
                settings.engine().outputTokensDefault(),
                System.currentTimeMillis() / 1000,
                traits(settings, model),
                OutputFormat.of(
                        model.chatTemplate().map(ChatTemplate::source).orElse(""),
                        settings.model().toolCallParser(),
                        settings.model().reasoningParser()));
    }

    private static ServedModel.Traits traits(ServerSettings settings, ModelFiles model) {
        TensorType weights = model.weightsType();
        return new ServedModel.Traits(
                model.config().architecture(),
                weights.name(),
                weights.isQuantised(),
                model.config().contextMax(),
                new ServedModel.Embeddings(
                        model.config().hiddenSize(), settings.model().pooling()));
    }

    private Optional<AuditTrail> startAudit(ServerMetrics metrics) {
        Optional<AuditTrail> started =
                Auditing.start(settings.audit(), served, () -> WeightsHash.of(model.path()), metrics);
        started.ifPresent(tenancy::tell);
        return started;
    }

    private Optional<AdminServer> startAdmin(AdminRoutes routes) {
        int port = switch (settings.access().adminPort()) {
            case AdminPort.Off() -> -1;
            case AdminPort.Auto() -> AdminServer.portAfter(settings.http().port());
            case AdminPort.Fixed(int chosen) -> chosen;
        };
        if (port < 0) return Optional.empty();
        Listener.Address address = new Listener.Address(settings.access().adminHost(), port, "--admin-port");
        return Optional.of(AdminServer.start(address, settings.http(), tenancy.adminFilter(), routes));
    }

    private Engines startEngine(Consumer<String> say, UnaryOperator<List<ModelRunner.Factory>> around) {
        DevicePlan devices = DevicePlan.of(settings.engine().device(), CudaDevices::here);
        ModelPlan plan = ModelPlan.of(
                settings,
                model.config(),
                devices.isGpu() ? Device.preferredCudaDtype(model) : Device.preferredDtype(model),
                devices.memoryOfOne(memoryBytes()),
                devices.isGpu());
        say.accept(describe(model, plan, devices));
        say.accept("Device    " + devices.words());
        List<ModelRunner.Factory> runners = logged(around.apply(runners(plan, devices, say)));
        Engines started = runners.size() == 1
                ? startOne(plan, runners.getFirst(), say)
                : EngineGroup.start(served.name(), engineSettings(), runners);
        say.accept(describe(started.limits(), plan));
        return started;
    }

    private Engine startOne(ModelPlan plan, ModelRunner.Factory runner, Consumer<String> say) {
        Optional<String> named = settings.engine().speculation().draftModel();
        if (named.isEmpty()) return Engine.start(served.name(), engineSettings(), runner);
        DraftModel opened = DraftModel.open(open(settings.model().withSource(named.get()), say), model);
        draft = opened;
        endings.push(opened::close);
        say.accept("Draft     " + opened.words());
        return Engine.startWithDraft(served.name(), engineSettings(), runner, opened.runner(plan));
    }

    /// Each with a log of its steps, if one is wanted.
    private List<ModelRunner.Factory> logged(List<ModelRunner.Factory> runners) {
        Optional<Path> log = settings.lifecycle().stepLog();
        if (log.isEmpty()) return runners;
        return IntStream.range(0, runners.size())
                .mapToObj(i -> {
                    Path file = i == 0 ? log.get() : Path.of(log.get() + "." + i);
                    return StepLog.around(runners.get(i), file, served.name());
                })
                .toList();
    }

    /// One for each device.
    private List<ModelRunner.Factory> runners(ModelPlan plan, DevicePlan devices, Consumer<String> say) {
        if (!devices.isGpu()) return List.of(Device.runner(model, plan.runner()));
        return devices.gpus().stream()
                .map(gpu -> Device.cudaRunner(
                        model,
                        plan.runner(),
                        new CudaSettings(gpu, settings.engine().gpuMemoryShare(), plan.kvTakesWhatIsLeft()),
                        line -> say.accept("cuda:" + gpu + "    " + line)))
                .toList();
    }

    /// Starts everything; returns when requests are taken.
    static ServerAssembly start(
            SettingsSource source,
            ServerSettings settings,
            Consumer<String> say,
            UnaryOperator<List<ModelRunner.Factory>> around) {
        return new ServerAssembly(source, settings, say, around);
    }

    /// Where clients on this machine find the server.
    String url() {
        return Listener.url(settings.http().host(), http.port());
    }

    /// Where operators on this machine find the admin routes, if they are anywhere.
    Optional<String> adminUrl() {
        return admin.map(started -> Listener.url(settings.access().adminHost(), started.port()));
    }

    Policy policy() {
        return tenancy.intake().policy().now().policy();
    }

    /// Reads policy and keys again.
    void reload() {
        tenancy.reload().reloadOnSignal();
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

    /// Stops politely: says so to load balancers, refuses what is new, and lets answers under way be
    /// finished and delivered, each for as long as the settings allow.
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
            admin.ifPresent(AdminServer::close);
            http.close();
            audit.ifPresent(AuditTrail::close);
            Thread ending = Thread.ofVirtual().start(engine::close);
            // What a step that hangs computes with must not be taken from under it.
            if (ending.join(LAST_STEP)) closeModels();
            else LOG.log(WARNING, "the step under way does not return; the process ends without it");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void closeModels() {
        if (draft != null) draft.close();
        model.close();
    }

    /// Requests whose answer is not delivered yet.
    int openCount() {
        return service.open().count();
    }

    Duration drainTimeout() {
        return settings.lifecycle().drainTimeout();
    }

    private static ModelFiles open(ServerSettings.Model settings, Consumer<String> say) {
        if (settings.source().equals(DEMO)) return ModelStore.openDemo(settings.cacheFolder());
        Path path = Path.of(settings.source());
        Optional<Path> fetched = HubModels.fetched(settings.source(), say);
        if (fetched.isPresent()) return ModelStore.open(fetched.get());
        String hint = SettingsFlags.hint(settings.source(), List.of(DEMO));
        if (!hint.isEmpty() && !Files.exists(path)) {
            throw new SettingsException("model is " + path + ", but there is no such file or folder" + hint);
        }
        return ModelStore.open(path);
    }

    private EngineSettings engineSettings() {
        ServerSettings.Engine chosen = settings.engine();
        return new EngineSettings(
                chosen.waitingMax(),
                chosen.prefixCaching(),
                chosen.sliceTokensMax(),
                EngineSettings.LAG_TOKENS_MAX,
                settings.http().streams().standstillMax().toNanos(),
                chosen.speculation().settings());
    }

    private static long memoryBytes() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    private static String describe(ModelFiles model, ModelPlan plan, DevicePlan devices) {
        var config = model.config();
        var runner = plan.runner();
        return "Model     %s: %s, %d layers, %s weights; computed in %s, keys and values in %s%s"
                .formatted(
                        model.name(),
                        config.architecture(),
                        config.layerCount(),
                        model.weightsType(),
                        word(runner.dtype()),
                        word(runner.kvDtype()),
                        devices.isGpu() ? "" : ", on " + runner.threads() + " threads");
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

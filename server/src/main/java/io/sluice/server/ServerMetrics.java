package io.sluice.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.core.metrics.Info;
import io.sluice.batching.Admission;
import io.sluice.batching.EngineStats;
import io.sluice.batching.Engines;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.Timeline;
import io.sluice.server.audit.AuditLog;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.GenerationMeter;
import io.sluice.server.generation.Payer;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.RequestMeters;
import io.sluice.server.generation.Usage;
import io.sluice.server.metrics.EngineCollector;
import io.sluice.server.metrics.HttpMetrics;
import io.sluice.server.metrics.RequestSeries;
import io.sluice.server.metrics.SpeculationMeters;
import io.sluice.server.metrics.TenantCollector;
import io.sluice.server.metrics.TenantMeter;
import io.sluice.server.metrics.TenantTable;
import io.sluice.server.openai.ResumableStreams;
import io.sluice.server.quota.QuotaLimit;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/// What is measured, under our own names (`sluice_*`) and under those that dashboards and routers for vLLM
/// already read. Every meter exists from the start, so that nothing is looked up by name while requests
/// run. Any thread.
final class ServerMetrics implements GenerationMeter {

    /// Seconds; vLLM's, so that its dashboards fit.
    private static final Duration[] FIRST_TOKEN_BUCKETS = seconds(
            0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
            2560);

    private static final Duration[] TOKEN_GAP_BUCKETS =
            seconds(0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10, 40, 80);

    private static final Duration[] REQUEST_BUCKETS =
            seconds(0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920);

    private static final Duration[] REFUSAL_BUCKETS =
            seconds(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5);

    /// Traffic classes that have series of their own; policies rarely have more.
    private static final int CLASSES_MAX = 32;

    /// Where nobody says which load a replica is to have.
    private static final double LOAD_WANTED = 0.7;

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Tags ours;
    private final Tags vllms;
    private final List<Timer> firstToken;
    private final List<Timer> tokenGap;
    private final List<Timer> request;
    private final Timer refusal;
    private final Counter admitted;
    private final Map<String, List<Counter>> refused = new ConcurrentHashMap<>();
    private final Map<String, List<Counter>> finished = new ConcurrentHashMap<>();
    private final List<Counter> promptTokens;
    private final List<Counter> cachedTokens;
    private final List<Counter> outputTokens;
    private final Counter blockSeconds;
    private final PrometheusMeterRegistry tenantRegistry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final TenantTable tenants;
    private final TenantCollector tenantSeries;
    private final TenantTable classes = new TenantTable(CLASSES_MAX);
    private final RequestSeries requestSeries;
    private final EngineCollector engineSeries;
    private final String model;

    /// @param model name of the served model, the label of every series
    /// @param tenantsMax tenants that have series of their own
    ServerMetrics(String model, int tenantsMax) {
        this(model, tenantsMax, LOAD_WANTED);
    }

    /// @param loadWanted of each replica, as far as replicas are counted by it
    ServerMetrics(String model, int tenantsMax, double loadWanted) {
        this.model = model;
        requestSeries = new RequestSeries(registry, model);
        engineSeries = new EngineCollector(loadWanted);
        registry.getPrometheusRegistry().register(engineSeries);
        registry.getPrometheusRegistry().register(TenantCollector.ofClasses(classes, model));
        tenants = new TenantTable(tenantsMax);
        tenantSeries = new TenantCollector(tenants, model);
        tenantRegistry.getPrometheusRegistry().register(tenantSeries);
        ours = Tags.of("model", model);
        vllms = Tags.of("model_name", model, "engine", "0");
        firstToken =
                timers("time_to_first_token", "From submission to the first output token.", FIRST_TOKEN_BUCKETS, "");
        tokenGap = timers("inter_token_latency", "Between two output tokens of a choice.", TOKEN_GAP_BUCKETS, "");
        request = timers(
                "request_duration", "From submission to the last token.", REQUEST_BUCKETS, "e2e_request_latency");
        refusal = Timer.builder("sluice_refusal")
                .description("From a tokenised request to the end of the answer that refused it.")
                .serviceLevelObjectives(REFUSAL_BUCKETS)
                .tags(ours)
                .register(registry);
        admitted = Counter.builder("sluice_requests_admitted")
                .description("Requests that were taken.")
                .tags(ours)
                .register(registry);
        Stream.concat(
                        Arrays.stream(Admission.Reason.values())
                                .map(reason -> reason.name().toLowerCase(Locale.ROOT)),
                        Arrays.stream(QuotaLimit.values()).map(QuotaLimit::code))
                .forEach(reason -> refused.put(
                        reason,
                        List.of(
                                counter(
                                        "sluice_requests_refused",
                                        "Requests that were not taken.",
                                        ours.and("reason", reason)),
                                counter("vllm:admission_rejections", "As vLLM.", vllms.and("reason", reason)))));
        for (String word :
                List.of("stop", "length", "abort", "expired", "stalled", "revoked", "interrupted", "error")) {
            finished.put(
                    word,
                    List.of(
                            counter("sluice_choices_finished", "Choices by how they ended.", ours.and("reason", word)),
                            counter("vllm:request_success", "As vLLM.", vllms.and("finished_reason", word))));
        }
        promptTokens = counters("prompt_tokens", "Prompt tokens of ended requests.");
        cachedTokens = List.of(
                counter("sluice_prompt_tokens_cached", "Of those, found in the prefix cache.", ours),
                counter("vllm:prompt_tokens_cached", "As vLLM.", vllms));
        outputTokens = counters("generation_tokens", "Output tokens of ended requests.");
        blockSeconds = counter("sluice_kv_block_seconds", "KV blocks that ended requests held, times how long.", ours);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
    }

    /// Adds what the engine itself knows; once, when it has started.
    void observe(Engines engine) {
        tenantSeries.observe(engine);
        engineSeries.add(model, () -> engine);
        ModelLimits limits = engine.limits();
        gauge(
                engine,
                "sluice_requests_running",
                "vllm:num_requests_running",
                "Sequences that own blocks.",
                EngineStats::running);
        gauge(
                engine,
                "sluice_requests_waiting",
                "vllm:num_requests_waiting",
                "Admitted sequences that own none yet.",
                EngineStats::waiting);
        gauge(
                engine,
                "sluice_kv_cache_usage_ratio",
                "vllm:kv_cache_usage_perc",
                "Part of the KV blocks that running sequences refer to, 0 to 1.",
                stats -> (double) stats.blocks().used() / limits.blockCount());
        gauge(
                engine,
                "sluice_kv_blocks_used",
                "KV blocks that running sequences refer to.",
                stats -> stats.blocks().used());
        gauge(
                engine,
                "sluice_kv_blocks_free",
                "KV blocks that hold nothing live.",
                stats -> stats.blocks().free());
        gauge(
                engine,
                "sluice_kv_blocks_expected",
                "KV blocks in use at the worst moment to come, as far as is expected of what runs.",
                stats -> stats.blocks().expected());
        gauge(
                engine,
                "sluice_kv_blocks_leaked",
                "KV blocks in use that belong to no sequence; more than 0 is a bug.",
                stats -> stats.blocks().leaked());
        gauge(
                engine,
                "sluice_host_blocks_used",
                "Blocks of host memory that parked sequences hold.",
                stats -> stats.blocks().hostUsed());
        gauge(engine, "sluice_sequences_parked", "Sequences whose blocks are in host memory.", EngineStats::parked);
        gauge(
                engine,
                "sluice_sequences_paused",
                "Sequences that stand still because their clients do not read.",
                EngineStats::paused);
        gauge(
                engine,
                "sluice_kv_blocks_cached",
                "Free KV blocks that hold a reusable prefix.",
                stats -> stats.blocks().cached());
        Gauge.builder("sluice_kv_blocks", limits, ModelLimits::blockCount)
                .description("KV blocks in all.")
                .tags(ours)
                .register(registry);
        Gauge.builder("sluice_kv_block_size_tokens", limits, ModelLimits::blockSize)
                .description("Tokens per KV block.")
                .tags(ours)
                .register(registry);
        total(engine, "sluice_steps", "Steps computed.", stats -> stats.work().steps());
        total(
                engine,
                "sluice_computed_tokens",
                "Tokens computed, recomputation included.",
                stats -> stats.work().computedTokens());
        total(
                engine,
                "sluice_sampled_tokens",
                "Output tokens computed, also for requests still running.",
                stats -> stats.work().sampledTokens());
        total(
                engine,
                "sluice_preemptions",
                "Sequences that lost their blocks and were computed again.",
                stats -> stats.work().preemptions());
        total(
                engine,
                "sluice_guaranteed_preemptions",
                "Guaranteed sequences that lost their blocks; more than 0 is a broken promise.",
                stats -> stats.work().guaranteedPreemptions());
        total(
                engine,
                "sluice_parks",
                "Sequences whose blocks went to host memory for others.",
                stats -> stats.work().parks());
        total(
                engine,
                "sluice_pauses",
                "Times that a sequence stood still because its client did not read.",
                stats -> stats.work().pauses());
        total(
                engine,
                "sluice_failed_sequences",
                "Sequences that a step could not compute.",
                stats -> stats.work().failedSlices());
        FunctionCounter.builder(
                        "vllm:num_preemptions", engine, e -> e.stats().work().preemptions())
                .tags(vllms)
                .register(registry);
        FunctionCounter.builder(
                        "vllm:prefix_cache_queries",
                        engine,
                        e -> e.stats().work().promptTokens())
                .tags(vllms)
                .register(registry);
        FunctionCounter.builder(
                        "vllm:prefix_cache_hits", engine, e -> e.stats().work().cachedTokens())
                .tags(vllms)
                .register(registry);
        SpeculationMeters.register(registry, engine, ours, vllms);
        // Micrometer would strip the `_info` that routers look for.
        Info.builder()
                .name("vllm:cache_config_info")
                .help("The KV cache's shape, as labels.")
                .labelNames("block_size", "num_gpu_blocks")
                .register(registry.getPrometheusRegistry())
                .setLabelValues(Integer.toString(limits.blockSize()), Integer.toString(limits.blockCount()));
    }

    /// Adds how many streams are kept for clients that may come back; once.
    void observe(ResumableStreams streams) {
        Gauge.builder("sluice_resumable_streams", streams, ResumableStreams::count)
                .description("Resumable streams that are kept, running or ended.")
                .tags(ours)
                .register(registry);
    }

    /// Adds how the audit log fares; once.
    void observe(AuditLog log) {
        FunctionCounter.builder("sluice_audit_lines", log, AuditLog::writtenCount)
                .description("Lines of the audit log that were written.")
                .register(registry);
        FunctionCounter.builder("sluice_audit_lost", log, AuditLog::lostCount)
                .description("Lines of the audit log that could not be; the log says so too.")
                .register(registry);
        Gauge.builder("sluice_audit_sequence", log, AuditLog::latestSequence)
                .description("The number of the audit log's last line.")
                .register(registry);
    }

    /// Counts the answers of these routes.
    HttpMetrics http(Set<String> paths) {
        return new HttpMetrics(registry, paths);
    }

    void scrape(OutputStream out, String contentType) throws IOException {
        registry.scrape(out, contentType);
    }

    /// The tenants' series, in the same format.
    void scrapeTenants(OutputStream out, String contentType) throws IOException {
        tenantRegistry.scrape(out, contentType);
    }

    @Override
    public RequestMeter begin(Payer payer) {
        return new RequestMeters(List.of(
                new OneRequest(),
                requestSeries.begin(),
                new TenantMeter(classes, payer.trafficClass()),
                new TenantMeter(tenants, payer.tenant())));
    }

    @Override
    public void refusalSent(long sinceTokenisedNs) {
        refusal.record(sinceTokenisedNs, TimeUnit.NANOSECONDS);
    }

    /// Counts one request in the totals.
    private final class OneRequest implements RequestMeter {
        private List<Timeline> timelines = List.of();

        @Override
        public void admitted(Admitted taken) {
            timelines = taken.timelines();
            admitted.increment();
        }

        @Override
        public void refused(String reason) {
            Objects.requireNonNull(refused.get(reason), reason).forEach(Counter::increment);
        }

        @Override
        public void firstToken(long waitNs) {
            for (Timer timer : firstToken) timer.record(waitNs, TimeUnit.NANOSECONDS);
        }

        @Override
        public void furtherTokens(int count, long gapNs) {
            for (int i = 0; i < count; i++) {
                for (Timer timer : tokenGap) timer.record(gapNs / count, TimeUnit.NANOSECONDS);
            }
        }

        @Override
        public void finished(Finish finish) {
            finished.getOrDefault(finish.word(), List.of()).forEach(Counter::increment);
        }

        @Override
        public void completed(long durationNs) {
            for (Timer timer : request) timer.record(durationNs, TimeUnit.NANOSECONDS);
        }

        @Override
        public void ended(Usage usage) {
            promptTokens.forEach(counter -> counter.increment(usage.prompt()));
            cachedTokens.forEach(counter -> counter.increment(usage.cached()));
            outputTokens.forEach(counter -> counter.increment(usage.completion()));
            long blockNs = timelines.stream().mapToLong(Timeline::blockNs).sum();
            blockSeconds.increment(blockNs / 1e9);
        }
    }

    private List<Timer> timers(String name, String description, Duration[] buckets, String vllmName) {
        return List.of(
                Timer.builder("sluice_" + name)
                        .description(description)
                        .serviceLevelObjectives(buckets)
                        .tags(ours)
                        .register(registry),
                Timer.builder("vllm:" + (vllmName.isEmpty() ? name : vllmName))
                        .description("As vLLM.")
                        .serviceLevelObjectives(buckets)
                        .tags(vllms)
                        .register(registry));
    }

    private List<Counter> counters(String name, String description) {
        return List.of(counter("sluice_" + name, description, ours), counter("vllm:" + name, "As vLLM.", vllms));
    }

    private Counter counter(String name, String description, Tags tags) {
        return Counter.builder(name).description(description).tags(tags).register(registry);
    }

    private void gauge(Engines engine, String name, String description, ToDoubleFunction<EngineStats> value) {
        Gauge.builder(name, engine, e -> value.applyAsDouble(e.stats()))
                .description(description)
                .tags(ours)
                .register(registry);
    }

    private void gauge(
            Engines engine, String name, String vllmName, String description, ToDoubleFunction<EngineStats> value) {
        gauge(engine, name, description, value);
        Gauge.builder(vllmName, engine, e -> value.applyAsDouble(e.stats()))
                .description("As vLLM.")
                .tags(vllms)
                .register(registry);
    }

    private void total(Engines engine, String name, String description, ToDoubleFunction<EngineStats> value) {
        FunctionCounter.builder(name, engine, e -> value.applyAsDouble(e.stats()))
                .description(description)
                .tags(ours)
                .register(registry);
    }

    private static Duration[] seconds(double... seconds) {
        return Arrays.stream(seconds)
                .mapToObj(value -> Duration.ofNanos(Math.round(value * 1e9)))
                .toArray(Duration[]::new);
    }
}

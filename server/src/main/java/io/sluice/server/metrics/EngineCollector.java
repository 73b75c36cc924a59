package io.sluice.server.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.sluice.batching.EngineStats;
import io.sluice.batching.Engines;
import io.sluice.batching.Outlook;
import io.sluice.batching.StepFigures;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Writes what engines know of their steps, of what they spent on whom, and of how near they are to their limits.
/// Any thread.
public final class EngineCollector implements MultiCollector {
    private static final double SECOND_NS = 1e9;

    private final double loadWanted;
    private final Map<String, Supplier<@Nullable Engines>> engines = new ConcurrentHashMap<>(); // by model

    /// @param loadWanted of each replica, as far as replicas are counted by it
    public EngineCollector(double loadWanted) {
        this.loadWanted = loadWanted;
    }

    /// Adds a model's engine.
    ///
    /// @param engine gives null while there is none
    public void add(String model, Supplier<@Nullable Engines> engine) {
        engines.put(model, engine);
    }

    @Override
    public MetricSnapshots collect() {
        Families families = new Families();
        engines.forEach((model, its) -> {
            Engines engine = its.get();
            if (engine == null) return;
            steps(families, model, engine.figures());
            spent(families, model, engine.stats());
            outlook(families, model, engine.outlook());
        });
        return new MetricSnapshots(families.snapshots());
    }

    private static void steps(Families families, String model, StepFigures figures) {
        Labels labels = Labels.of("model", model);
        families.spread(
                "sluice_step_duration_seconds", "Steps, plan to apply.", labels, figures.durations(), SECOND_NS);
        families.spread(
                "sluice_step_sequences", "Sequences of a step: the batch size.", labels, figures.sequences(), 1);
        families.spread("sluice_step_tokens", "Tokens of a step.", labels, figures.tokens(), 1);
        String help = "Time of steps by what it went to: plans, the device, taking results in.";
        part(families, model, help, "plan", figures.planNs());
        part(families, model, help, "device", figures.deviceNs());
        part(families, model, help, "apply", figures.applyNs());
    }

    private static void part(Families families, String model, String help, String part, long ns) {
        families.total("sluice_step_part_seconds", help, Labels.of("model", model, "part", part), ns / SECOND_NS);
    }

    private static void spent(Families families, String model, EngineStats stats) {
        EngineStats.Work work = stats.work();
        String device = "Time of steps: charged to requests, or left over when all of a step's requests had ended.";
        String name = "sluice_device_seconds";
        families.total(name, device, Labels.of("model", model, "use", "requests"), work.deviceNs() / SECOND_NS);
        families.total(name, device, Labels.of("model", model, "use", "nobody"), work.unattributedNs() / SECOND_NS);
        Labels labels = Labels.of("model", model);
        String held = "KV blocks in use, times how long.";
        families.total("sluice_kv_block_seconds_used", held, labels, work.blockNs() / SECOND_NS);
        families.total("sluice_prefix_cache_queries", "Prompt tokens looked up.", labels, (double) work.promptTokens());
        families.total("sluice_prefix_cache_hits", "Of those, found.", labels, (double) work.cachedTokens());
        String reason = "As vLLM: deferred sequences have run before and lost their blocks.";
        int deferred = stats.parked();
        Labels vllms = Labels.of("engine", "0", "model_name", model);
        String waiting = "vllm:num_requests_waiting_by_reason";
        families.gauge(waiting, reason, vllms.merge(Labels.of("reason", "capacity")), stats.waiting() - deferred);
        families.gauge(waiting, reason, vllms.merge(Labels.of("reason", "deferred")), deferred);
    }

    private void outlook(Families families, String model, Outlook outlook) {
        Labels labels = Labels.of("model", model);
        families.gauge(
                "sluice_load_ratio", "Work that clients ask for, over what can be done.", labels, outlook.load());
        families.gauge(
                "sluice_saturation_ratio",
                "The load, or the part of its target that a class's predicted time to first token is; the larger.",
                labels,
                outlook.saturation());
        families.gauge(
                "sluice_headroom_tokens_per_second",
                "Output tokens that could be computed in addition, at the largest batches so far.",
                labels,
                outlook.headroom());
        families.gauge(
                "sluice_replicas_wanted",
                "Of such servers, as a fraction: to be added up over all replicas.",
                labels,
                outlook.replicas(loadWanted));
        for (Outlook.OfClass one : outlook.classes()) {
            Labels its = Labels.of("class", one.name(), "model", model);
            families.gauge(
                    "sluice_class_predicted_wait_seconds",
                    "Until a request would start that comes now.",
                    its,
                    one.waitNs() / SECOND_NS);
            families.gauge(
                    "sluice_class_predicted_time_to_first_token_seconds",
                    "Until its first token.",
                    its,
                    one.firstTokenNs() / SECOND_NS);
            families.gauge(
                    "sluice_class_time_to_first_token_target_seconds",
                    "The longest that the class allows.",
                    its,
                    one.targetNs() / SECOND_NS);
        }
    }

    /// The families while they are gathered, each once, whatever the number of models.
    private static final class Families {
        private final Map<String, GaugeSnapshot.Builder> gauges = new LinkedHashMap<>();
        private final Map<String, CounterSnapshot.Builder> totals = new LinkedHashMap<>();
        private final Map<String, HistogramSnapshot.Builder> spreads = new LinkedHashMap<>();

        void gauge(String name, String help, Labels labels, double value) {
            gauges.computeIfAbsent(name, it -> GaugeSnapshot.builder().name(it).help(help))
                    .dataPoint(GaugeDataPointSnapshot.builder()
                            .labels(labels)
                            .value(value)
                            .build());
        }

        void total(String name, String help, Labels labels, double value) {
            totals.computeIfAbsent(
                            name, it -> CounterSnapshot.builder().name(it).help(help))
                    .dataPoint(CounterDataPointSnapshot.builder()
                            .labels(labels)
                            .value(value)
                            .build());
        }

        void spread(String name, String help, Labels labels, StepFigures.Spread spread, double unit) {
            ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
            long[] counts = spread.counts();
            for (int i = 0; i < counts.length; i++) {
                double bound = i < spread.bounds().length ? spread.bounds()[i] / unit : Double.POSITIVE_INFINITY;
                buckets.bucket(bound, counts[i]);
            }
            spreads.computeIfAbsent(
                            name, it -> HistogramSnapshot.builder().name(it).help(help))
                    .dataPoint(HistogramDataPointSnapshot.builder()
                            .classicHistogramBuckets(buckets.build())
                            .sum(spread.sum() / unit)
                            .labels(labels)
                            .build());
        }

        List<MetricSnapshot> snapshots() {
            List<MetricSnapshot> all = new ArrayList<>();
            gauges.values().forEach(family -> all.add(family.build()));
            totals.values().forEach(family -> all.add(family.build()));
            spreads.values().forEach(family -> all.add(family.build()));
            return all;
        }
    }
}

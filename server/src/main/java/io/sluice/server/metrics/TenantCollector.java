package io.sluice.server.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.sluice.batching.Engines;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/// Writes the tenants' figures as Prometheus knows them: `sluice_tenant_*`, each with the label `tenant`; or
/// the same of traffic classes. Any thread.
public final class TenantCollector implements MultiCollector {
    private static final String TENANT = "tenant";
    private static final String CLASS = "class";

    private final TenantTable table;
    private final String model;
    private final String label;
    private volatile @Nullable Engines engine; // null while the model is being loaded

    public TenantCollector(TenantTable table, String model) {
        this(table, model, TENANT);
    }

    private TenantCollector(TenantTable table, String model, String label) {
        this.table = table;
        this.model = model;
        this.label = label;
    }

    /// Of classes: `sluice_class_*`, each with the label `class`.
    public static TenantCollector ofClasses(TenantTable table, String model) {
        return new TenantCollector(table, model, CLASS);
    }

    /// Adds what the engine knows of the tenants; once, when it has started.
    public void observe(Engines started) {
        engine = started;
    }

    @Override
    public MetricSnapshots collect() {
        Families families = new Families(model, label, new TenantKv(model, engine));
        table.forEach(families::add); // of one moment
        return new MetricSnapshots(families.snapshots());
    }

    /// One counter: how it is called and what it counts.
    private record Total(String name, String help, ToDoubleFunction<TenantCounts> value) {}

    /// One histogram.
    private record Times(String name, String help, Function<TenantCounts, LatencyHistogram> value) {}

    private static final List<Total> TOTALS = List.of(
            new Total("requests_admitted", "Requests that were taken.", counts -> counts.admitted),
            new Total("prompt_tokens", "Prompt tokens of ended requests.", counts -> counts.promptTokens),
            new Total("prompt_tokens_cached", "Of those, found in the prefix cache.", counts -> counts.cachedTokens),
            new Total("generation_tokens", "Output tokens of ended requests.", counts -> counts.outputTokens),
            new Total(
                    "preemptions", "Sequences of ended requests that lost their blocks.", counts -> counts.preemptions),
            new Total("parks", "Sequences of ended requests that went to host memory.", counts -> counts.parks),
            new Total("device_seconds", "Time of steps, of ended requests.", counts -> counts.deviceNs / 1e9),
            new Total(
                    "kv_block_seconds",
                    "KV blocks that ended requests held, times how long.",
                    counts -> counts.blockNs / 1e9));

    private static final List<Times> TIMES = List.of(
            new Times("time_to_first_token_seconds", "From submission to the first output token.", it -> it.firstToken),
            new Times("inter_token_latency_seconds", "Between two output tokens of a choice.", it -> it.tokenGap),
            new Times("queue_time_seconds", "From admission to the first block.", it -> it.queue),
            new Times("prefill_time_seconds", "From the first block to the first token.", it -> it.prefill),
            new Times("decode_time_seconds", "From the first token to the last.", it -> it.decode));

    /// The families while they are gathered.
    private static final class Families {
        private final String model;
        private final String label;
        private final TenantKv blocks;
        private final Map<Total, CounterSnapshot.Builder> totals = new LinkedHashMap<>();
        private final Map<Times, HistogramSnapshot.Builder> times = new LinkedHashMap<>();
        private final CounterSnapshot.Builder refused;
        private final CounterSnapshot.Builder finished;
        private final CounterSnapshot.Builder costs;

        Families(String model, String label, TenantKv blocks) {
            this.model = model;
            this.label = label;
            String prefix = "sluice_" + label + "_";
            refused = family(prefix + "requests_refused", "Requests that were not taken.");
            finished = family(prefix + "choices_finished", "Choices by how they ended.");
            costs = family(prefix + "cost", "Of ended requests, by the price table.");
            this.blocks = blocks;
            for (Total total : TOTALS) {
                totals.put(total, family(prefix + total.name(), total.help()));
            }
            for (Times one : TIMES) {
                times.put(
                        one,
                        HistogramSnapshot.builder().name(prefix + one.name()).help(one.help()));
            }
        }

        private static CounterSnapshot.Builder family(String name, String help) {
            return CounterSnapshot.builder().name(name).help(help);
        }

        void add(String name, TenantCounts counts) {
            Labels labels = Labels.of("model", model, label, name);
            totals.forEach((total, family) ->
                    family.dataPoint(point(labels, total.value().applyAsDouble(counts))));
            counts.refused.forEach(
                    (reason, count) -> refused.dataPoint(point(labels.merge(Labels.of("reason", reason)), count)));
            counts.finished.forEach(
                    (word, count) -> finished.dataPoint(point(labels.merge(Labels.of("reason", word)), count)));
            counts.costs.forEach(
                    (currency, cost) -> costs.dataPoint(point(labels.merge(Labels.of("currency", currency)), cost)));
            if (label.equals(TENANT)) blocks.add(name);
            times.forEach(
                    (one, family) -> family.dataPoint(point(labels, one.value().apply(counts))));
        }

        List<MetricSnapshot> snapshots() {
            List<MetricSnapshot> all = new ArrayList<>();
            totals.values().forEach(family -> all.add(family.build()));
            all.add(refused.build());
            all.add(finished.build());
            all.add(costs.build());
            if (label.equals(TENANT)) all.addAll(blocks.snapshots());
            times.values().forEach(family -> all.add(family.build()));
            return all;
        }

        private static CounterDataPointSnapshot point(Labels labels, double value) {
            return CounterDataPointSnapshot.builder()
                    .labels(labels)
                    .value(value)
                    .build();
        }

        private static HistogramDataPointSnapshot point(Labels labels, LatencyHistogram histogram) {
            ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
            long[] counts = histogram.counts();
            for (int i = 0; i < counts.length; i++) {
                double bound =
                        i < LatencyHistogram.BOUNDS.length ? LatencyHistogram.BOUNDS[i] : Double.POSITIVE_INFINITY;
                buckets.bucket(bound, counts[i]);
            }
            return HistogramDataPointSnapshot.builder()
                    .classicHistogramBuckets(buckets.build())
                    .sum(histogram.totalSeconds())
                    .labels(labels)
                    .build();
        }
    }
}

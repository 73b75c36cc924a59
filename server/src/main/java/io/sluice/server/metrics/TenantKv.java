package io.sluice.server.metrics;

import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.sluice.batching.EngineStats;
import io.sluice.batching.Engines;
import io.sluice.batching.TenantBlocks;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Gathers whose the KV blocks are, for one scrape: each shown tenant's, and what is left of the totals as
/// `other`'s, shared prefixes included. So the sums are the totals. One thread.
final class TenantKv {
    private static final String PREFIX = "sluice_tenant_kv_";

    private final String model;
    private final @Nullable Engines engine;
    private final GaugeSnapshot.Builder blocks = family(
            "blocks", "KV blocks computed for the tenant: used by its sequences, or free and holding its prompts.");
    private final GaugeSnapshot.Builder floor = family("floor_blocks", "KV blocks that others never take from it.");
    private final GaugeSnapshot.Builder ceiling =
            family("ceiling_blocks", "KV blocks that its running sequences never exceed.");
    private int usedLeft;
    private int cachedLeft;

    /// @param engine null while there is none
    TenantKv(String model, @Nullable Engines engine) {
        this.model = model;
        this.engine = engine;
        if (engine == null) return;
        EngineStats.Blocks all = engine.stats().blocks();
        usedLeft = all.used();
        cachedLeft = all.cached();
    }

    /// Adds a tenant's; `other` comes last.
    void add(String tenant) {
        if (engine == null) return;
        Labels labels = Labels.of("model", model, "tenant", tenant);
        if (tenant.equals(TenantTable.OTHER)) {
            // The engine goes on while it is asked.
            addBlocks(labels, Math.max(0, usedLeft), Math.max(0, cachedLeft));
            return;
        }
        TenantBlocks its = engine.blocksOf(tenant);
        addBlocks(labels, its.used(), its.cached());
        floor.dataPoint(point(labels, its.floor()));
        ceiling.dataPoint(point(labels, its.ceiling()));
        usedLeft -= its.used();
        cachedLeft -= its.cached();
    }

    private void addBlocks(Labels labels, int used, int cached) {
        blocks.dataPoint(point(labels.merge(Labels.of("state", "used")), used));
        blocks.dataPoint(point(labels.merge(Labels.of("state", "cached")), cached));
    }

    List<MetricSnapshot> snapshots() {
        if (engine == null) return List.of();
        List<MetricSnapshot> all = new ArrayList<>();
        for (GaugeSnapshot.Builder family : List.of(blocks, floor, ceiling)) all.add(family.build());
        return all;
    }

    private static GaugeSnapshot.Builder family(String name, String help) {
        return GaugeSnapshot.builder().name(PREFIX + name).help(help);
    }

    private static GaugeDataPointSnapshot point(Labels labels, double value) {
        return GaugeDataPointSnapshot.builder().labels(labels).value(value).build();
    }
}

package io.sluice.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.Usage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TenantTableTest {
    private static final int SHOWN = 50;

    private final TenantTable table = new TenantTable(SHOWN);

    /// What was counted without labels, by the test itself.
    private static final class Totals {
        long admitted;
        long refused;
        long prompt;
        long cached;
        long output;
        long firstTokens;
        long gaps;
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void of_ten_thousand_tenants_few_have_series_and_the_sums_are_the_totals(long seed) {
        Random random = new Random(seed);
        Totals totals = new Totals();
        for (int i = 0; i < 60_000; i++) {
            // Few are heavy, and who is changes half way: many come and go.
            int rank = (int) Math.min(9999, Math.pow(10_000, random.nextDouble()) - 1);
            request("tenant-" + (i < 30_000 ? rank : 9999 - rank), random, totals);
        }
        assertThat(names()).as("seed %d", seed).hasSize(SHOWN + 1).contains(TenantTable.OTHER);
        assertThat(sum("sluice_tenant_requests_admitted")).isEqualTo(totals.admitted);
        assertThat(sum("sluice_tenant_requests_refused")).isEqualTo(totals.refused);
        assertThat(sum("sluice_tenant_prompt_tokens")).isEqualTo(totals.prompt);
        assertThat(sum("sluice_tenant_prompt_tokens_cached")).isEqualTo(totals.cached);
        assertThat(sum("sluice_tenant_generation_tokens")).isEqualTo(totals.output);
        assertThat(sum("sluice_tenant_time_to_first_token_seconds")).isEqualTo(totals.firstTokens);
        assertThat(sum("sluice_tenant_inter_token_latency_seconds")).isEqualTo(totals.gaps);
        // The heaviest of the second half is the lightest of the first.
        assertThat(names()).as("seed %d", seed).contains("tenant-0", "tenant-9999", "tenant-9998");
    }

    private void request(String tenant, Random random, Totals totals) {
        RequestMeter meter = new TenantMeter(table, tenant);
        if (random.nextInt(5) == 0) {
            meter.refused(random.nextBoolean() ? "queue_full" : "tokens_per_minute");
            totals.refused++;
            return;
        }
        meter.admitted(new RequestMeter.Admitted(5, 1, List.of(), () -> {}));
        totals.admitted++;
        if (random.nextInt(10) > 0) {
            meter.firstToken(random.nextLong(1_000_000_000));
            totals.firstTokens++;
            int gaps = random.nextInt(200);
            for (int i = 0; i < gaps; i++) meter.furtherTokens(1, random.nextLong(100_000_000));
            totals.gaps += gaps;
        }
        meter.finished(new Finish.Stop());
        Usage usage = new Usage(1 + random.nextInt(50), random.nextInt(2), random.nextInt(200), 0);
        meter.ended(usage);
        totals.prompt += usage.prompt();
        totals.cached += usage.cached();
        totals.output += usage.completion();
    }

    @Test
    void the_counts_of_a_tenant_that_leaves_are_folded_into_the_others() {
        for (int i = 0; i < SHOWN; i++) traffic("early-" + i, 100 + i);
        assertThat(names()).doesNotContain("late");
        traffic("late", 50);
        assertThat(names()).doesNotContain("late");
        assertThat(outputOf(TenantTable.OTHER)).isEqualTo(50);
        traffic("late", 500);
        assertThat(names()).contains("late").doesNotContain("early-0");
        assertThat(outputOf("late")).isEqualTo(500);
        assertThat(outputOf(TenantTable.OTHER)).isEqualTo(150);
        // It may come back.
        traffic("early-0", 2000);
        assertThat(names()).contains("early-0");
        assertThat(sum("sluice_tenant_generation_tokens"))
                .isEqualTo(50 + 500 + 2000 + 100 * SHOWN + SHOWN * (SHOWN - 1) / 2);
    }

    @Test
    void equals_do_not_take_turns() {
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < 2 * SHOWN; i++) traffic("tenant-" + i, 10);
        }
        assertThat(names()).contains("tenant-0", "tenant-" + (SHOWN - 1)).doesNotContain("tenant-" + SHOWN);
    }

    @Test
    void a_flood_of_tenants_seen_once_displaces_nobody() {
        for (int i = 0; i < SHOWN; i++) traffic("regular-" + i, 10_000);
        for (int i = 0; i < 50_000; i++) traffic("once-" + i, 10);
        assertThat(names()).hasSize(SHOWN + 1).noneMatch(name -> name.startsWith("once"));
    }

    @Test
    void nothing_is_lost_between_threads() throws Exception {
        AtomicLong total = new AtomicLong();
        List<Callable<Void>> clients = new ArrayList<>();
        for (int client = 0; client < 4; client++) {
            Random random = new Random(client);
            clients.add(() -> {
                for (int i = 0; i < 20_000; i++) {
                    int tokens = random.nextInt(100);
                    traffic("tenant-" + random.nextInt(500), tokens);
                    total.addAndGet(tokens);
                }
                return null;
            });
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (Future<Void> client : threads.invokeAll(clients)) client.get();
        }
        assertThat(sum("sluice_tenant_generation_tokens")).isEqualTo(total.get());
    }

    private void traffic(String tenant, int tokens) {
        table.change(tenant, tokens, counts -> counts.outputTokens += tokens);
    }

    private long outputOf(String tenant) {
        Map<String, Long> byTenant = new HashMap<>();
        table.forEach((name, counts) -> byTenant.put(name, counts.outputTokens));
        return byTenant.getOrDefault(tenant, -1L);
    }

    private Set<String> names() {
        Set<String> names = new LinkedHashSet<>();
        table.forEach((name, _) -> names.add(name));
        return names;
    }

    /// All of it is whole.
    private long sum(String family) {
        MetricSnapshots snapshots = new TenantCollector(table, "m").collect();
        for (MetricSnapshot snapshot : snapshots) {
            if (!snapshot.getMetadata().getName().equals(family)) continue;
            return switch (snapshot) {
                case CounterSnapshot counter ->
                    (long) counter.getDataPoints().stream()
                            .mapToDouble(CounterSnapshot.CounterDataPointSnapshot::getValue)
                            .sum();
                case HistogramSnapshot histogram ->
                    histogram.getDataPoints().stream()
                            .mapToLong(HistogramSnapshot.HistogramDataPointSnapshot::getCount)
                            .sum();
                default -> throw new AssertionError(snapshot);
            };
        }
        throw new AssertionError("no " + family);
    }
}

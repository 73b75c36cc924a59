package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FleetTest {
    private static final int INSTANCES = 4;
    private final Setup setup = new Setup("test", 1, new DeviceModel(Gpu.H100, ModelShape.LLAMA_3_1_8B));

    @Test
    void everyRequestIsServedByOneInstanceAndAllAreCounted() {
        Workload workload = setup.workload(conversations(), 8);
        Measured measured = new Fleet(setup, INSTANCES, Router.Rule.LEAST_LOADED, 2)
                .measure(workload, new Policy.Sluice(), Clients.GIVE_UP);
        assertThat(measured.summary().result().outcomes())
                .hasSize(workload.requests().size());
        assertThat(measured.summary().all().offered()).isPositive();
    }

    @Test
    void theNumberOfThreadsChangesNothing() {
        Workload workload = setup.workload(conversations(), 20);
        String one = ReplayText.of(setup, fleet(Router.Rule.CACHE_AWARE, 1, workload));
        String three = ReplayText.of(setup, fleet(Router.Rule.CACHE_AWARE, 3, workload));
        assertThat(one).isEqualTo(three);
    }

    @Test
    void aRouterThatKnowsWhereABeginningWasComputedFindsMoreOfIt() {
        Workload workload = setup.workload(conversations(), 8);
        double aware =
                fleet(Router.Rule.CACHE_AWARE, 2, workload).summary().all().foundPart();
        double blind =
                fleet(Router.Rule.ROUND_ROBIN, 2, workload).summary().all().foundPart();
        assertThat(aware).isGreaterThan(blind + 0.1);
    }

    @Test
    void overlaidCrowdsHaveTheirOwnPromptsAndTheSameRateEach() {
        Trace one = conversations();
        Trace three = one.overlaid(3, 1);
        assertThat(three.rows()).hasSize(3 * one.rows().size());
        assertThat(three.rows().stream()
                        .map(row -> row.hashIds().getLast())
                        .distinct()
                        .count())
                .isEqualTo(3
                        * one.rows().stream()
                                .map(row -> row.hashIds().getLast())
                                .distinct()
                                .count());
        assertThat(three.spanNs()).isLessThanOrEqualTo(one.spanNs() + 1);
    }

    private Measured fleet(Router.Rule rule, int threads, Workload workload) {
        return new Fleet(setup, INSTANCES, rule, threads).measure(workload, new Policy.Sluice(), Clients.GIVE_UP);
    }

    /// Twenty-five conversations that take turns; each turn goes on where the one before ended.
    private static Trace conversations() {
        List<TraceRow> rows = new ArrayList<>();
        for (int turn = 0; turn < 6; turn++) {
            for (int talk = 0; talk < 25; talk++) {
                List<Integer> ids = new ArrayList<>();
                for (int i = 0; i <= turn; i++) ids.add(1 + talk * 100 + i);
                long atNs = (turn * 25L + talk) * 100_000_000L;
                rows.add(new TraceRow(atNs, ids.size() * TraceRow.HASHED_TOKENS, 20, ids));
            }
        }
        return new Trace("conversations", "none", rows);
    }
}

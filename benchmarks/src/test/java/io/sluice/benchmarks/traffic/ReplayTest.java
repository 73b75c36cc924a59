package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The production engine and the plainer policies, through the whole of a replay.
class ReplayTest {
    private static final long MS = 1_000_000L;

    static Stream<Policy> policies() {
        return Stream.of(
                new Policy.Sluice(),
                new Policy.FirstCome(),
                new Policy.StaticCap(1000),
                new Policy.FullReservation(1000));
    }

    @ParameterizedTest
    @MethodSource("policies")
    void everyOutputIsAsLongAsTheTraceSays(Policy policy) {
        Workload workload = Workload.of(SmallTraces.random(1, 300, 700, 60), 1, 131_072);
        ReplayResult result = run(workload, SmallTraces.device(8, 256), policy);
        assertThat(result.outcomes()).allSatisfy(outcome -> {
            assertThat(outcome).isInstanceOf(Outcome.Served.class);
            Outcome.Served served = (Outcome.Served) outcome;
            assertThat(served.timing().tokens()).isEqualTo(served.request().outputTokens());
            assertThat(served.attempts()).isEqualTo(1);
        });
    }

    @ParameterizedTest
    @MethodSource("policies")
    void aRequestAloneTakesExactlyWhatItsStepsCost(Policy policy) {
        Workload workload = new Scenarios(new Setup("none", 1, SmallTraces.device(8, 256)))
                .add(Scenarios.LIGHT, 0, new TraceRow(0, 100, 3, List.of()))
                .add(Scenarios.LIGHT, 1_000 * MS, new TraceRow(0, 100, 1, List.of()))
                .workload(SmallTraces.random(1, 2, 1, 1));
        ReplayResult result = run(workload, SmallTraces.device(8, 256), policy);
        var cost = new StepCost(SmallTraces.device(8, 256));
        cost.begin();
        cost.slice(0, 100, true);
        long prefillNs = cost.ns();
        cost.begin();
        cost.slice(100, 1, true);
        long secondNs = cost.ns();
        cost.begin();
        cost.slice(101, 1, true);
        long thirdNs = cost.ns();
        Outcome.Served served = (Outcome.Served) result.outcomes().getFirst();
        assertThat(served.timing().firstTokenNs()).isEqualTo(prefillNs);
        assertThat(served.timing().lastTokenNs()).isEqualTo(prefillNs + secondNs + thirdNs);
        assertThat(served.timing().meanGapNs()).isEqualTo((secondNs + thirdNs) / 2);
        Outcome.Served single = (Outcome.Served) result.outcomes().getLast();
        assertThat(single.timing().tokens()).isEqualTo(1);
        assertThat(single.timing().meanGapNs()).isZero();
    }

    @ParameterizedTest
    @MethodSource("policies")
    void prefixHitsAreWhatTheTraceSays(Policy policy) {
        Workload workload = Workload.of(SmallTraces.strangers(3, 12, 6), 1, 131_072);
        assertThat(hits(workload, policy)).isEqualTo(idealHits(workload)).isPositive();
    }

    @Test
    void aSystemPromptIsFoundByAllTenants() {
        Workload workload = Workload.of(SmallTraces.conversations(3, 12, 6), 1, 131_072);
        assertThat(hits(workload, new Policy.FirstCome())).isEqualTo(idealHits(workload));
    }

    private static long hits(Workload workload, Policy policy) {
        return run(workload, SmallTraces.device(8, 2048), policy).outcomes().stream()
                .mapToLong(it -> ((Outcome.Served) it).cachedTokens())
                .sum();
    }

    /// Requests come one after the other here, and the cache holds everything: what can be found is what an
    /// earlier prompt of the same tenant began with, and of a shared beginning what anybody's did.
    private static long idealHits(Workload workload) {
        Set<List<Object>> known = new HashSet<>();
        long hits = 0;
        for (TrafficRequest request : workload.requests()) {
            boolean reusing = true;
            for (int to = DeviceModel.BLOCK_SIZE; to <= request.promptTokens(); to += DeviceModel.BLOCK_SIZE) {
                boolean shared = to <= request.scope().sharedTokens();
                long salt =
                        shared ? request.scope().sharedSalt() : request.scope().salt();
                Object content = request.row().hashIds().get((to - 1) / TraceRow.HASHED_TOKENS);
                List<Object> key = List.of(salt, content, to);
                boolean isLast = to == request.promptTokens(); // the last token is always computed
                reusing = reusing && !isLast && known.contains(key);
                if (reusing) hits += DeviceModel.BLOCK_SIZE;
                known.add(key);
            }
        }
        return hits;
    }

    @ParameterizedTest
    @MethodSource("policies")
    void aTightCacheLosesNoToken(Policy policy) {
        Workload workload = Workload.of(SmallTraces.random(2, 200, 300, 120).atRate(50), 1, 131_072);
        ReplayResult result = run(workload, SmallTraces.tightDevice(1600), policy);
        int served = 0;
        for (Outcome outcome : result.outcomes()) {
            switch (outcome) {
                case Outcome.Served it -> {
                    served++;
                    assertThat(it.timing().tokens()).isEqualTo(it.request().outputTokens());
                }
                case Outcome.Refused _ -> {}
                case Outcome.Broken it -> throw new AssertionError(it);
            }
        }
        assertThat(served).isPositive();
    }

    @Test
    void firstComePreemptsWhenTheCacheIsTightAndFullReservationNever() {
        Workload workload = Workload.of(SmallTraces.random(2, 200, 300, 120).atRate(50), 1, 131_072);
        DeviceModel device = SmallTraces.tightDevice(1600);
        ReplayResult optimist = run(workload, device, new Policy.FirstCome());
        ReplayResult careful = run(workload, device, new Policy.FullReservation(1000));
        assertThat(optimist.last().preemptions()).isPositive();
        assertThat(optimist.exhaustions())
                .isPositive()
                .isLessThanOrEqualTo(optimist.last().preemptions());
        assertThat(careful.last().preemptions()).isZero();
        assertThat(careful.exhaustions()).isZero();
        assertThat(careful.occupancy().kvPart()).isLessThan(optimist.occupancy().kvPart());
        assertThat(sumOfPreemptions(optimist)).isEqualTo(optimist.last().preemptions());
    }

    private static long sumOfPreemptions(ReplayResult result) {
        return result.outcomes().stream()
                .mapToLong(it -> ((Outcome.Served) it).preemptions())
                .sum();
    }

    @Test
    void aStaticCapRefusesWhoFindsTheQueueFullAndServesTheOthers() {
        Workload workload = Workload.of(SmallTraces.random(3, 400, 500, 100).atRate(400), 1, 131_072);
        ReplayResult result = run(workload, SmallTraces.device(8, 256), new Policy.StaticCap(4));
        long refused = result.outcomes().stream()
                .filter(Outcome.Refused.class::isInstance)
                .count();
        assertThat(refused).isBetween(100L, 399L);
        assertThat(result.occupancy().waiting()).isLessThanOrEqualTo(4);
    }

    @Test
    void aPromptBeyondTheContextIsRefusedByEveryPolicyAndNobodyElseIs() {
        List<TraceRow> rows = List.of(
                new TraceRow(0, 50, 5, List.of()),
                new TraceRow(MS, 131_072, 5, List.of()),
                new TraceRow(2 * MS, 50, 5, List.of()));
        Workload workload = Workload.of(new Trace("long", "none", rows), 1, 131_072);
        for (Policy policy : policies().toList()) {
            ReplayResult result = run(workload, SmallTraces.device(8, 256), policy);
            assertThat(result.outcomes().get(1)).isInstanceOf(Outcome.Refused.class);
            assertThat(Summary.of(result).refusals()).containsEntry("400 request_too_large", 1);
            assertThat(result.outcomes().get(2)).isInstanceOf(Outcome.Served.class);
        }
    }

    @ParameterizedTest
    @MethodSource("policies")
    void theSameInputsGiveTheSameReplay(Policy policy) {
        Setup setup = new Setup("none", 7, SmallTraces.tightDevice(4000));
        Trace trace = SmallTraces.random(4, 300, 500, 80);
        String once = ReportJson.of(setup, setup.measure(setup.workload(trace, 30), policy, 512, Clients.GIVE_UP));
        String again = ReportJson.of(setup, setup.measure(setup.workload(trace, 30), policy, 512, Clients.GIVE_UP));
        assertThat(again).isEqualTo(once);
    }

    @ParameterizedTest
    @MethodSource("policies")
    void theBeginningsOfTheRealTracesAreReplayed(Policy policy) throws IOException {
        String shared = System.getenv("SLUICE_SHARED");
        assumeTrue(shared != null, "SLUICE_SHARED is not set");
        for (Trace trace : TraceFile.readAll(Path.of(String.valueOf(shared), "data", "traces"))) {
            Workload workload = Workload.of(trace.first(200).spread(1), 1, 131_072);
            ReplayResult result = run(workload, new DeviceModel(Gpu.H200, ModelShape.LLAMA_3_1_8B), policy);
            assertThat(result.outcomes()).noneMatch(Outcome.Broken.class::isInstance);
            assertThat(Summary.of(result).all().served()).isPositive();
        }
    }

    private static ReplayResult run(Workload workload, DeviceModel device, Policy policy) {
        return new Replay(workload, device, policy, Clients.GIVE_UP).run(TokenListener.NOBODY);
    }
}

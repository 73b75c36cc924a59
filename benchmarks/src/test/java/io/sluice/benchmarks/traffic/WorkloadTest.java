package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class WorkloadTest {
    private static final int CONTEXT = 131_072;

    @Test
    void clientsAllowForTwiceTheOutputRoundedUpToAPowerOfTwo() {
        assertThat(allowance(100, 1)).isEqualTo(2);
        assertThat(allowance(100, 2)).isEqualTo(4);
        assertThat(allowance(100, 3)).isEqualTo(8);
        assertThat(allowance(100, 64)).isEqualTo(128);
        assertThat(allowance(100, 65)).isEqualTo(256);
    }

    @Test
    void butNoMoreThanTheContextHasRoomFor() {
        assertThat(allowance(CONTEXT - 100, 80)).isEqualTo(100);
        assertThat(allowance(CONTEXT - 10, 80)).isEqualTo(80); // sent all the same, to be refused
    }

    @Test
    void tenantsSendByZipfsLaw() {
        Map<String, Long> sent = counted(requests(1), it -> it.caller().tenant().name());
        assertThat(sent).hasSize(Tenancy.TENANTS);
        double sum = 0;
        for (int k = 1; k <= Tenancy.TENANTS; k++) sum += 1 / Math.pow(k, Tenancy.ZIPF);
        assertThat(part(sent, "tenant-01")).isCloseTo(1 / sum, within(0.01));
        assertThat(part(sent, "tenant-02")).isCloseTo(1 / Math.pow(2, Tenancy.ZIPF) / sum, within(0.01));
    }

    @Test
    void everyTenantHasOneClassAndClassesGetTheirSharesWhateverTheSeed() {
        for (long seed = 1; seed <= 20; seed++) {
            Map<String, String> classes = new HashMap<>();
            for (TrafficRequest it : requests(seed)) {
                String known = classes.put(
                        it.caller().tenant().name(), it.caller().trafficClass().name());
                assertThat(known).isIn(null, it.caller().trafficClass().name());
            }
            Map<String, Long> sent =
                    counted(requests(seed), it -> it.caller().trafficClass().name());
            for (Promise promise : Promise.ALL) {
                // The largest tenant alone sends a quarter: no rule can do better than that.
                assertThat(part(sent, promise.name()))
                        .as("%s, seed %d", promise.name(), seed)
                        .isCloseTo(promise.share(), within(0.25));
            }
        }
    }

    @Test
    void aConversationBelongsToOneTenantAndTheSystemPromptToAll() {
        Workload workload = Workload.of(SmallTraces.conversations(1, 40, 5), 1, CONTEXT);
        Map<Integer, String> owners = new HashMap<>();
        for (TrafficRequest it : workload.requests()) {
            String tenant = it.caller().tenant().name();
            assertThat(owners.put(it.row().hashIds().get(1), tenant)).isIn(null, tenant);
            assertThat(it.scope().sharedTokens()).isEqualTo(TraceRow.HASHED_TOKENS);
        }
        assertThat(owners.values().stream().distinct().count()).isGreaterThan(5);
        assertThat(workload.requests().stream()
                        .map(it -> it.scope().sharedSalt())
                        .distinct())
                .hasSize(1);
    }

    @Test
    void promptsBeginAlikeExactlyAsFarAsTheirHashIds() {
        List<TrafficRequest> requests =
                Workload.of(SmallTraces.conversations(1, 2, 3), 1, CONTEXT).requests();
        int[] first = requests.get(0).forEngine(1000).prompt();
        int[] nextTurn = requests.get(2).forEngine(1000).prompt();
        int[] other = requests.get(1).forEngine(1000).prompt();
        assertThat(mismatch(first, nextTurn)).isBetween(1024, 1030); // single tokens may be equal by chance
        assertThat(mismatch(first, other)).isBetween(512, 518);
        assertThat(Arrays.stream(first)).allMatch(token -> token != TrafficRequest.END_TOKEN && token < 1000);
    }

    @Test
    void theSeedDecidesEverything() {
        assertThat(requests(3)).isEqualTo(requests(3));
        assertThat(requests(3)).isNotEqualTo(requests(4));
    }

    private static int allowance(int prompt, int output) {
        return Workload.allowance(new TraceRow(0, prompt, output, List.of()), CONTEXT);
    }

    private static List<TrafficRequest> requests(long seed) {
        return Workload.of(SmallTraces.random(1, 20_000, 100, 100), seed, CONTEXT)
                .requests();
    }

    private static Map<String, Long> counted(List<TrafficRequest> requests, Function<TrafficRequest, String> name) {
        return requests.stream().collect(Collectors.groupingBy(name, Collectors.counting()));
    }

    private static double part(Map<String, Long> counts, String name) {
        long all = counts.values().stream().mapToLong(Long::longValue).sum();
        return (double) counts.getOrDefault(name, 0L) / all;
    }

    private static int mismatch(int[] a, int[] b) {
        return Arrays.mismatch(a, b);
    }
}

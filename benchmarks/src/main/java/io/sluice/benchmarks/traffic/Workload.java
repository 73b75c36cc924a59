package io.sluice.benchmarks.traffic;

import io.sluice.batching.Caller;
import io.sluice.batching.PrefixScope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// What simulated clients send, in order of arrival. A value: trace and seed decide it all.
///
/// @param trace the trace, at the rate that is replayed
record Workload(Trace trace, long seed, List<TrafficRequest> requests) {
    private static final long WARM_UP_MAX_NS = Duration.ofSeconds(60).toNanos();

    Workload {
        requests = List.copyOf(requests);
    }

    /// Each row of the trace becomes a request of the tenant that a seeded draw gives it to; rows that go on
    /// where an earlier row began belong to that row's tenant. The clients allow for twice the true output,
    /// rounded up to a power of two, as far as the context has room. A beginning that all prompts have is a
    /// prefix shared by all tenants.
    static Workload of(Trace trace, long seed, int contextMax) {
        var tenancy = new Tenancy(seed);
        var random = new SplittableRandom(Mix.of(seed, 1));
        int commonIds = commonIds(trace.rows());
        Map<Integer, Integer> owners = new HashMap<>(); // the first id of its own that a conversation has: its tenant
        var requests = new ArrayList<TrafficRequest>(trace.rows().size());
        for (TraceRow row : trace.rows()) {
            int index = requests.size();
            int drawn = tenancy.draw(random.nextDouble());
            int tenant = row.hashIds().size() <= commonIds
                    ? drawn
                    : owners.computeIfAbsent(row.hashIds().get(commonIds), _ -> drawn);
            int sharedTokens = Math.min(row.promptTokens(), commonIds * TraceRow.HASHED_TOKENS);
            var scope = new PrefixScope(Mix.of(seed, 2, tenant), Mix.of(seed, 3), sharedTokens);
            requests.add(new TrafficRequest(
                    index,
                    row.arrivalNs(),
                    row,
                    tenancy.caller(tenant),
                    allowance(row, contextMax),
                    scope,
                    Mix.of(seed, 4, index)));
        }
        return new Workload(trace, seed, requests);
    }

    /// The same requests, all of one caller.
    Workload of(Caller caller) {
        return new Workload(
                trace,
                seed,
                requests.stream()
                        .map(it -> new TrafficRequest(
                                it.index(),
                                it.arrivalNs(),
                                it.row(),
                                caller,
                                it.maxNewTokens(),
                                it.scope(),
                                it.contentKey()))
                        .toList());
    }

    /// Requests that arrive before are not measured: the engine fills, and learns. A tenth of the span, at
    /// most a minute.
    long measuredFromNs() {
        return Math.min(WARM_UP_MAX_NS, endNs() / 10);
    }

    /// When the last request arrives.
    long endNs() {
        return requests.getLast().arrivalNs();
    }

    static int allowance(TraceRow row, int contextMax) {
        int twice = 2 * row.outputTokens();
        int rounded = twice <= 1 ? 1 : Integer.highestOneBit(twice - 1) << 1;
        // A prompt that leaves no room is sent all the same, and refused.
        return Math.max(row.outputTokens(), Math.min(rounded, contextMax - row.promptTokens()));
    }

    /// Hash ids that all prompts begin with.
    static int commonIds(List<TraceRow> rows) {
        List<Integer> common = rows.getFirst().hashIds();
        for (TraceRow row : rows) {
            int count = 0;
            while (count < Math.min(common.size(), row.hashIds().size())
                    && common.get(count).equals(row.hashIds().get(count))) count++;
            common = common.subList(0, count);
        }
        return common.size();
    }
}

package io.sluice.server.metrics;

import java.util.Map;
import java.util.TreeMap;

/// All figures of one tenant, or of all the others together. Guarded by its table.
final class TenantCounts {
    long admitted;
    long promptTokens;
    long cachedTokens;
    long outputTokens;
    long preemptions;
    long parks;
    long blockNs; // KV blocks held, times the time they were held
    final Map<String, Long> refused = new TreeMap<>(); // by reason; a small set
    final LatencyHistogram firstToken = new LatencyHistogram();
    final LatencyHistogram tokenGap = new LatencyHistogram();
    final LatencyHistogram queue = new LatencyHistogram();

    void refuse(String reason) {
        refused.merge(reason, 1L, Long::sum);
    }

    void add(TenantCounts other) {
        admitted += other.admitted;
        promptTokens += other.promptTokens;
        cachedTokens += other.cachedTokens;
        outputTokens += other.outputTokens;
        preemptions += other.preemptions;
        parks += other.parks;
        blockNs += other.blockNs;
        other.refused.forEach((reason, count) -> refused.merge(reason, count, Long::sum));
        firstToken.add(other.firstToken);
        tokenGap.add(other.tokenGap);
        queue.add(other.queue);
    }
}

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
    long deviceNs; // its part of the steps
    long blockNs; // KV blocks held, times the time they were held
    final Map<String, Long> refused = new TreeMap<>(); // by reason; a small set
    final LatencyHistogram firstToken = new LatencyHistogram();
    final LatencyHistogram tokenGap = new LatencyHistogram();
    final LatencyHistogram queue = new LatencyHistogram();
    final LatencyHistogram prefill = new LatencyHistogram();
    final LatencyHistogram decode = new LatencyHistogram();
    final Map<String, Long> finished = new TreeMap<>(); // choices by how they ended; a small set
    final Map<String, Double> costs = new TreeMap<>(); // by currency; the operator's own

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
        deviceNs += other.deviceNs;
        blockNs += other.blockNs;
        other.refused.forEach((reason, count) -> refused.merge(reason, count, Long::sum));
        firstToken.add(other.firstToken);
        tokenGap.add(other.tokenGap);
        queue.add(other.queue);
        prefill.add(other.prefill);
        decode.add(other.decode);
        other.finished.forEach((word, count) -> finished.merge(word, count, Long::sum));
        other.costs.forEach((currency, cost) -> costs.merge(currency, cost, Double::sum));
    }
}

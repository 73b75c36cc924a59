package io.sluice.server.metrics;

import io.sluice.batching.Timeline;
import io.sluice.server.generation.Expense;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.Usage;
import java.util.List;

/// Counts one request for its tenant, or for its class. The request's thread.
public final class TenantMeter implements RequestMeter {

    /// Gaps are kept here and handed over in bundles: a fast stream has hundreds of them each second.
    private static final int GAPS_TOGETHER = 64;

    private final TenantTable table;
    private final String tenant;
    private final LatencyHistogram gaps = new LatencyHistogram();
    private List<Timeline> timelines = List.of();

    public TenantMeter(TenantTable table, String tenant) {
        this.table = table;
        this.tenant = tenant;
    }

    @Override
    public void admitted(Admitted admitted) {
        timelines = admitted.timelines();
        table.change(tenant, 1, counts -> counts.admitted++);
    }

    @Override
    public void refused(String reason) {
        table.change(tenant, 1, counts -> counts.refuse(reason));
    }

    @Override
    public void firstToken(long waitNs) {
        table.change(tenant, 0, counts -> counts.firstToken.add(waitNs, 1));
    }

    @Override
    public void furtherTokens(int count, long gapNs) {
        gaps.add(gapNs / count, count);
        if (gaps.count() >= GAPS_TOGETHER) handOver();
    }

    private void handOver() {
        table.change(tenant, 0, counts -> counts.tokenGap.add(gaps));
        gaps.clear();
    }

    @Override
    public void finished(Finish finish) {
        table.change(tenant, 0, counts -> counts.finished.merge(finish.word(), 1L, Long::sum));
    }

    @Override
    public void completed(long durationNs) {}

    @Override
    public void ended(Usage usage) {
        handOver();
        table.change(tenant, usage.total(), counts -> {
            counts.promptTokens += usage.prompt();
            counts.cachedTokens += usage.cached();
            counts.outputTokens += usage.completion();
            Expense expense = usage.expense();
            if (expense.isPriced()) counts.costs.merge(expense.currency(), expense.cost(), Double::sum);
            for (Timeline timeline : timelines) count(timeline, counts);
        });
    }

    private static void count(Timeline timeline, TenantCounts counts) {
        counts.preemptions += timeline.preemptions();
        counts.parks += timeline.parks();
        counts.deviceNs += timeline.deviceNs();
        counts.blockNs += timeline.blockNs();
        if (timeline.startedNs() == Timeline.NOT_YET) return;
        counts.queue.add(timeline.startedNs() - timeline.admittedNs(), 1);
        if (timeline.firstTokenNs() == Timeline.NOT_YET) return;
        counts.prefill.add(timeline.firstTokenNs() - timeline.startedNs(), 1);
        if (timeline.endedNs() != Timeline.NOT_YET) counts.decode.add(timeline.endedNs() - timeline.firstTokenNs(), 1);
    }
}

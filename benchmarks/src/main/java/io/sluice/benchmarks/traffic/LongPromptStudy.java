package io.sluice.benchmarks.traffic;

import io.sluice.batching.Caller;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/// What a prompt of 8,192 tokens does to others: the gaps between their tokens while it is computed, against
/// the same moments of a replay without it. A value; nanoseconds.
///
/// @param steadyNs p99 of others' gaps without long prompts
/// @param disturbedNs p99 of others' gaps that end between a long prompt's arrival and its first token
/// @param firstTokenNs median time to the first token of the long prompts
record LongPromptStudy(Policy policy, double steadyNs, double disturbedNs, double firstTokenNs) {
    static final int LONG_PROMPT = 8192;
    private static final int SHORT_PROMPT = 512;
    private static final int OUTPUT = 256;
    private static final double LOAD = 0.5; // of the device's roof
    private static final double SECONDS = 240;
    private static final double BETWEEN_SECONDS = 10;
    private static final double FIRST_SECONDS = 30; // until the others are as many as they stay
    private static final Caller OTHERS = Scenarios.caller("light", "interactive");

    static LongPromptStudy of(Setup setup, Policy policy, int stepTokens) {
        var row = new TraceRow(0, SHORT_PROMPT, OUTPUT, List.of());
        var shape = new Trace("8k prompts", "-", List.of(row, row.at(1_000_000_000L)));
        double rate = LOAD * setup.device().roofRate(shape);
        var arrivals = new ArrayList<Long>();
        for (double at = FIRST_SECONDS; at < SECONDS; at += BETWEEN_SECONDS) arrivals.add((long) (at * 1e9));

        Workload without =
                new Scenarios(setup).add(OTHERS, shape.rows(), rate, SECONDS).workload(shape);
        var disturbed = new Scenarios(setup).add(OTHERS, shape.rows(), rate, SECONDS);
        var longRow = new TraceRow(0, LONG_PROMPT, 1, List.of());
        for (long at : arrivals) disturbed.add(Scenarios.HEAVY, at, longRow);

        DeviceModel device = setup.device().withStepTokensMax(stepTokens);
        var steady = new Watch(without, false);
        new Replay(without, device, policy, Clients.GIVE_UP).run(steady);
        Workload with = disturbed.workload(shape);
        var watch = new Watch(with, true);
        Summary summary = Summary.of(new Replay(with, device, policy, Clients.GIVE_UP).run(watch));
        double firstTokenNs = summary.tenants().stream()
                .filter(group -> group.name().equals("heavy"))
                .mapToDouble(group -> group.firstToken().at(50))
                .findFirst()
                .orElseThrow();
        return new LongPromptStudy(policy, steady.p99Ns(), watch.p99Ns(), firstTokenNs);
    }

    double ratio() {
        return disturbedNs / steadyNs;
    }

    /// Collects others' gaps, all of them or those beside a long prompt.
    private static final class Watch implements TokenListener {
        private final Histogram gapsUs = new Histogram(3);
        private final boolean onlyBeside;
        private final Map<Long, Long> prompts = new TreeMap<>(); // long ones: arrival, moment of their first token

        Watch(Workload workload, boolean onlyBeside) {
            this.onlyBeside = onlyBeside;
            gapsUs.setAutoResize(true);
            for (TrafficRequest request : workload.requests()) {
                if (isLong(request)) prompts.put(request.arrivalNs(), Long.MAX_VALUE);
            }
        }

        private static boolean isLong(TrafficRequest request) {
            return request.promptTokens() == LONG_PROMPT;
        }

        @Override
        public void first(TrafficRequest request, long nowNs) {
            if (isLong(request)) prompts.put(request.arrivalNs(), nowNs);
        }

        @Override
        public void next(TrafficRequest request, long nowNs, long gapNs) {
            if (isLong(request) || nowNs < FIRST_SECONDS * 1e9 || (onlyBeside && !isBeside(nowNs))) return;
            gapsUs.recordValue(gapNs / 1000);
        }

        private boolean isBeside(long nowNs) {
            return prompts.entrySet().stream()
                    .anyMatch(prompt -> prompt.getKey() < nowNs && nowNs <= prompt.getValue());
        }

        double p99Ns() {
            return gapsUs.getTotalCount() == 0 ? Double.NaN : gapsUs.getValueAtPercentile(99) * 1000.0;
        }
    }
}

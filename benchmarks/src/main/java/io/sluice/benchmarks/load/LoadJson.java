package io.sluice.benchmarks.load;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.traffic.JsonWriter;
import java.util.Comparator;
import java.util.Map;
import org.HdrHistogram.Histogram;

/// A measurement for programs; times in milliseconds. One thread.
final class LoadJson {

    /// Tenants that are told one by one, those who sent most.
    private static final int TENANTS_MAX = 100;

    private final JsonWriter json = new JsonWriter();

    private LoadJson() {}

    static String of(Conditions conditions, LoadStats.Snapshot measured) {
        var writer = new LoadJson();
        writer.json.object(() -> writer.write(conditions, measured));
        return writer.json.finish();
    }

    private void write(Conditions conditions, LoadStats.Snapshot measured) {
        json.object("conditions", () -> conditions.values().forEach((name, value) -> json.field(name, value)));
        json.field("seconds", measured.seconds())
                .field("drainSeconds", measured.drainSeconds())
                .field("attempts", measured.attempts())
                .field("heartbeats", measured.heartbeats());
        percentiles("sentLateMs", measured.lag());
        json.object("all", () -> group(measured.all(), measured.seconds()));
        json.array("classes", () -> {
            for (GroupStats.Snapshot group : measured.classes()) json.object(() -> group(group, measured.seconds()));
        });
        json.array(
                "tenants",
                () -> measured.tenants().stream()
                        .sorted(Comparator.comparingInt(GroupStats.Snapshot::sent)
                                .reversed())
                        .limit(TENANTS_MAX)
                        .forEach(group -> json.object(() -> group(group, measured.seconds()))));
    }

    private void group(GroupStats.Snapshot group, double seconds) {
        json.field("name", group.name())
                .field("sent", group.sent())
                .field("notSent", group.notSent())
                .field("answered", group.answered())
                .field("good", group.good())
                .field("strictlyGood", group.strictlyGood())
                .field("goodputRequestsPerSecond", group.good() / seconds)
                .field("goodputTokensPerSecond", group.goodTokens() / seconds)
                .field("outputTokens", group.outputTokens())
                .field("promptTokens", group.promptTokens())
                .field("textEvents", group.texts());
        counts("refusals", group.refusals());
        counts("failures", group.failures());
        percentiles("ttftMs", group.firstToken());
        percentiles("eventGapMs", group.gap());
        percentiles("meanTokenMs", group.meanGap());
        percentiles("wholeAnswerMs", group.wholeAnswer());
    }

    private void counts(String name, Map<String, Integer> counts) {
        json.object(name, () -> counts.forEach((reason, count) -> json.field(reason, count)));
    }

    private void percentiles(String name, Histogram us) {
        json.object(name, () -> {
            json.field("count", us.getTotalCount());
            if (us.getTotalCount() == 0) return;
            json.field("mean", us.getMean() / 1000)
                    .field("p50", us.getValueAtPercentile(50) / 1000.0)
                    .field("p90", us.getValueAtPercentile(90) / 1000.0)
                    .field("p95", us.getValueAtPercentile(95) / 1000.0)
                    .field("p99", us.getValueAtPercentile(99) / 1000.0)
                    .field("p99.9", us.getValueAtPercentile(99.9) / 1000.0)
                    .field("max", us.getMaxValue() / 1000.0);
        });
    }
}

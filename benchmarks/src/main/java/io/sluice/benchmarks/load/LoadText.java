package io.sluice.benchmarks.load;

import static io.sluice.benchmarks.traffic.Amounts.digits;
import static io.sluice.benchmarks.traffic.Amounts.percent;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.traffic.Amounts;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/// A measurement as lines for a terminal. Any thread.
final class LoadText {

    /// Later than that, the generator itself is part of what was measured.
    private static final long LAG_US_MAX = 10_000;

    private LoadText() {}

    static String of(Conditions conditions, LoadStats.Snapshot measured) {
        var text = new StringBuilder();
        conditions.values().forEach((name, value) -> line(text, name, value));
        text.append(System.lineSeparator());
        GroupStats.Snapshot all = measured.all();
        double seconds = measured.seconds();
        line(
                text,
                "sent",
                "%d in %s s (%s per second), %d attempts; the last answer %s s later"
                        .formatted(
                                all.sent(),
                                digits(seconds),
                                digits(all.sent() / seconds),
                                measured.attempts(),
                                digits(measured.drainSeconds())));
        line(
                text,
                "answered",
                "%d (%s); %s output tokens per second until the last answer; %s per answer, %s prompt tokens"
                        .formatted(
                                all.answered(),
                                percent((double) all.answered() / all.sent()),
                                digits(all.outputTokens() / (seconds + measured.drainSeconds())),
                                digits((double) all.outputTokens() / all.answered()),
                                digits((double) all.promptTokens() / all.answered())));
        line(
                text,
                "goodput",
                "%s requests per second, %s tokens per second as promised: %s of all; strictly %s"
                        .formatted(
                                digits(all.good() / seconds),
                                digits(all.goodTokens() / seconds),
                                percent((double) all.good() / all.sent()),
                                percent((double) all.strictlyGood() / all.sent())));
        line(text, "refused", all.refusals().isEmpty() ? "none" : all.refusals().toString());
        line(text, "failed", all.failures().isEmpty() ? "none" : all.failures().toString());
        if (all.notSent() > 0) {
            line(
                    text,
                    "NOT SENT",
                    all.notSent() + ": more than " + LoadRun.OUTSTANDING_MAX
                            + " requests were under way. This is no open loop any more.");
        }
        long lag = measured.lag().getValueAtPercentile(99);
        line(
                text,
                "sent late by",
                at(measured.lag(), 50) + " (p50), " + at(measured.lag(), 99) + " (p99)"
                        + (lag > LAG_US_MAX ? ": THE GENERATOR IS TOO SLOW for this load on this machine" : ""));
        if (all.texts() != all.outputTokens()) {
            line(
                    text,
                    "note",
                    "%s tokens per event: gaps are those between events"
                            .formatted(digits((double) all.outputTokens() / all.texts())));
        }
        text.append(System.lineSeparator());
        classes(text, measured);
        return text.toString();
    }

    private static void classes(StringBuilder text, LoadStats.Snapshot measured) {
        row(text, "", "sent", "good", "strict", "p50", "p90", "p99", "max");
        for (GroupStats.Snapshot group : measured.classes()) {
            row(
                    text,
                    group.name(),
                    Integer.toString(group.sent()),
                    percent((double) group.good() / group.sent()),
                    percent((double) group.strictlyGood() / group.sent()));
            percentiles(text, "  TTFT", group.firstToken());
            percentiles(text, "  gap between events", group.gap());
            percentiles(text, "  mean time per token", group.meanGap());
            percentiles(text, "  whole answer", group.wholeAnswer());
        }
    }

    private static void percentiles(StringBuilder text, String name, Histogram us) {
        row(text, name, "", "", "", at(us, 50), at(us, 90), at(us, 99), at(us, 100));
    }

    /// A percentile of microseconds.
    static String at(Histogram us, double percentage) {
        return us.getTotalCount() == 0 ? "–" : Amounts.seconds(us.getValueAtPercentile(percentage) * 1000.0);
    }

    private static void line(StringBuilder text, String label, String value) {
        text.append(String.format(Locale.ROOT, "%-18s %s%n", label, value));
    }

    private static void row(StringBuilder text, String first, String... cells) {
        text.append(String.format(Locale.ROOT, "%-22s", first));
        for (String cell : cells) text.append(String.format(Locale.ROOT, " %9s", cell));
        text.append(System.lineSeparator());
    }
}

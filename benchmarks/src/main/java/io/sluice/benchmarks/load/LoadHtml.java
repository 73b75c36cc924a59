package io.sluice.benchmarks.load;

import static io.sluice.benchmarks.traffic.Amounts.digits;
import static io.sluice.benchmarks.traffic.Amounts.percent;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.HtmlReport;
import io.sluice.benchmarks.report.Plot;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;

/// A measurement as a page with plots. Any thread.
final class LoadHtml {
    private static final List<String> HEAD = List.of(
            "class", "sent", "as promised", "strictly", "TTFT p50", "p99", "gap p50", "p99", "whole answer p50", "p99");

    private LoadHtml() {}

    static String of(Conditions conditions, LoadStats.Snapshot measured) {
        GroupStats.Snapshot all = measured.all();
        double seconds = measured.seconds();
        var page = new HtmlReport("Sluice: a server under load", conditions);
        page.paragraph("%d requests sent in %s s, %d answered, %d refused, %d failed; %s output tokens per second."
                .formatted(
                        all.sent(),
                        digits(seconds),
                        all.answered(),
                        all.refused(),
                        all.failed(),
                        digits(all.outputTokens() / (seconds + measured.drainSeconds()))));
        if (!all.refusals().isEmpty()) page.paragraph("Refused: " + all.refusals());
        if (!all.failures().isEmpty()) page.paragraph("Failed: " + all.failures());
        page.table(HEAD, measured.classes().stream().map(LoadHtml::row).toList());
        page.plot(percentiles("Time to the first token", measured.classes(), Kind.FIRST_TOKEN));
        page.plot(percentiles("Gap between events", measured.classes(), Kind.GAP));
        page.plot(percentiles("Whole answer", measured.classes(), Kind.WHOLE));
        return page.page();
    }

    private enum Kind {
        FIRST_TOKEN,
        GAP,
        WHOLE
    }

    private static List<String> row(GroupStats.Snapshot group) {
        return List.of(
                group.name(),
                Integer.toString(group.sent()),
                percent((double) group.good() / group.sent()),
                percent((double) group.strictlyGood() / group.sent()),
                LoadText.at(group.firstToken(), 50),
                LoadText.at(group.firstToken(), 99),
                LoadText.at(group.gap(), 50),
                LoadText.at(group.gap(), 99),
                LoadText.at(group.wholeAnswer(), 50),
                LoadText.at(group.wholeAnswer(), 99));
    }

    /// How many were as quick: milliseconds against the part of all.
    private static String percentiles(String title, List<GroupStats.Snapshot> groups, Kind kind) {
        List<Plot.Line> lines = groups.stream()
                .map(group -> new Plot.Line(
                        group.name(),
                        points(
                                switch (kind) {
                                    case FIRST_TOKEN -> group.firstToken();
                                    case GAP -> group.gap();
                                    case WHOLE -> group.wholeAnswer();
                                })))
                .filter(line -> !line.points().isEmpty())
                .toList();
        return Plot.lines(title, "milliseconds", "% of all", true, lines);
    }

    private static List<Plot.Point> points(Histogram us) {
        List<Plot.Point> points = new ArrayList<>();
        if (us.getTotalCount() == 0) return points;
        for (HistogramIterationValue value : us.percentiles(10)) {
            points.add(new Plot.Point(Math.max(0.01, value.getValueIteratedTo() / 1000.0), value.getPercentile()));
        }
        return points;
    }
}

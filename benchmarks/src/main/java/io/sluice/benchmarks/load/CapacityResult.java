package io.sluice.benchmarks.load;

import static io.sluice.benchmarks.traffic.Amounts.digits;
import static io.sluice.benchmarks.traffic.Amounts.percent;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.HtmlReport;
import io.sluice.benchmarks.report.Plot;
import io.sluice.benchmarks.traffic.JsonWriter;
import io.sluice.benchmarks.traffic.Slo;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How much one server takes while it keeps a promise, and what to set so that it stays so. A value.
///
/// @param trials in the order in which they were made
/// @param attained the part of all requests that must be served as promised
record CapacityResult(Conditions conditions, String className, Slo.Stream slo, double attained, List<Trial> trials) {

    /// Of what was found to be sustainable, the part that is planned with: arrivals are not even.
    private static final double PLANNED = 0.8;

    CapacityResult {
        trials = List.copyOf(trials);
    }

    /// One rate that was tried. A value.
    record Trial(double requestsPerSecond, boolean holds, LoadStats.Snapshot measured) {
        double goodPart() {
            return measured.all().sent() == 0
                    ? 0
                    : (double) measured.all().good() / measured.all().sent();
        }
    }

    /// The highest rate that held; empty if none did.
    Optional<Trial> best() {
        return trials.stream().filter(Trial::holds).max(Comparator.comparingDouble(Trial::requestsPerSecond));
    }

    /// Requests that are under way on average: their rate times how long each takes (Little's law).
    private static double underWay(Trial trial) {
        return trial.requestsPerSecond() * trial.measured().all().wholeAnswer().getMean() / 1e6;
    }

    private static double tokensPerRequest(Trial trial) {
        GroupStats.Snapshot all = trial.measured().all();
        return all.answered() == 0 ? 0 : (double) (all.promptTokens() + all.outputTokens()) / all.answered();
    }

    String text() {
        var text = new StringBuilder();
        conditions
                .values()
                .forEach((name, value) -> text.append(String.format(Locale.ROOT, "%-18s %s%n", name, value)));
        text.append(System.lineSeparator());
        for (List<String> row : rows()) {
            text.append(String.format(Locale.ROOT, "%12s %8s %10s %10s %10s %10s %8s%n", row.toArray()));
        }
        text.append(System.lineSeparator()).append(advice());
        return text.toString();
    }

    private List<List<String>> rows() {
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("requests/s", "sent", "as promised", "TTFT p50", "TTFT p99", "per token", "holds"));
        for (Trial trial : trials) {
            GroupStats.Snapshot all = trial.measured().all();
            rows.add(List.of(
                    digits(trial.requestsPerSecond()),
                    Integer.toString(all.sent()),
                    percent(trial.goodPart()),
                    LoadText.at(all.firstToken(), 50),
                    LoadText.at(all.firstToken(), 99),
                    LoadText.at(all.meanGap(), 50),
                    trial.holds() ? "yes" : "no"));
        }
        return rows;
    }

    /// What to set, ready to be copied.
    String advice() {
        Optional<Trial> best = best();
        if (best.isEmpty()) {
            return "No rate that was tried holds " + slo + " for " + percent(attained)
                    + " of the requests. Promise more time, or serve a smaller model.\n";
        }
        Trial trial = best.get();
        double rate = trial.requestsPerSecond();
        double underWay = underWay(trial);
        return String.format(
                Locale.ROOT,
                "One server holds %s for %s of its requests up to %s requests per second: %s tokens each, %s under way at"
                        + " a time.%nPlanned with is %.0f %% of that, because arrivals are not even.%n%n"
                        + "The policy file (docs/tenancy.md):%n%n"
                        + "  classes:%n    %s: {ttft: %dms, itl: %dms}%n"
                        + "  default-tenant:%n    class: %s%n"
                        + "    requests-per-minute: %d      # all of one server's; divide it among your tenants%n"
                        + "    tokens-per-minute: %d%n    max-concurrent: %d%n%n"
                        + "Replicas, with KEDA (a ScaledObject's trigger; one replica for each threshold):%n%n"
                        + "  triggers:%n    - type: prometheus%n      metricType: AverageValue%n      metadata:%n"
                        + "        query: sum(sluice_requests_running) + sum(sluice_requests_waiting)%n"
                        + "        threshold: \"%d\"%n",
                slo,
                percent(attained),
                digits(rate),
                digits(tokensPerRequest(trial)),
                digits(underWay),
                PLANNED * 100,
                className,
                slo.firstToken().toMillis(),
                slo.gap().toMillis(),
                className,
                Math.max(1, (long) (rate * 60 * PLANNED)),
                Math.max(1, (long) (rate * 60 * PLANNED * tokensPerRequest(trial))),
                Math.max(1, (long) Math.ceil(underWay)),
                Math.max(1, (long) (underWay * PLANNED)));
    }

    String json() {
        var json = new JsonWriter();
        return json.object(() -> {
                    json.object("conditions", () -> conditions.values().forEach(json::field));
                    json.field(
                                    "sustainedRequestsPerSecond",
                                    best().map(Trial::requestsPerSecond).orElse(0.0))
                            .field(
                                    "underWay",
                                    best().map(CapacityResult::underWay).orElse(Double.NaN))
                            .field(
                                    "tokensPerRequest",
                                    best().map(CapacityResult::tokensPerRequest).orElse(Double.NaN))
                            .field("advice", advice());
                    json.array("trials", () -> {
                        for (Trial trial : trials) {
                            json.object(() -> json.field("requestsPerSecond", trial.requestsPerSecond())
                                    .field("holds", trial.holds() ? "yes" : "no")
                                    .field("asPromised", trial.goodPart())
                                    .field("sent", trial.measured().all().sent())
                                    .field("refused", trial.measured().all().refused())
                                    .field("failed", trial.measured().all().failed()));
                        }
                    });
                })
                .finish();
    }

    String html() {
        List<List<String>> rows = rows();
        List<Trial> byRate = trials.stream()
                .sorted(Comparator.comparingDouble(Trial::requestsPerSecond))
                .toList();
        return new HtmlReport("Sluice: how much one server takes", conditions)
                .table(rows.getFirst(), rows.subList(1, rows.size()))
                .plot(Plot.lines(
                        "Served as promised",
                        "requests per second",
                        "%",
                        false,
                        List.of(new Plot.Line(
                                "of all",
                                byRate.stream()
                                        .map(it -> new Plot.Point(it.requestsPerSecond(), it.goodPart() * 100))
                                        .toList()))))
                .plot(Plot.lines(
                        "TTFT",
                        "requests per second",
                        "ms",
                        false,
                        List.of(percentile(byRate, 50), percentile(byRate, 99))))
                .paragraph(advice())
                .page();
    }

    private static Plot.Line percentile(List<Trial> byRate, double percentage) {
        return new Plot.Line(
                "p" + (int) percentage,
                byRate.stream()
                        .map(it -> new Plot.Point(
                                it.requestsPerSecond(),
                                it.measured().all().firstToken().getValueAtPercentile(percentage) / 1000.0))
                        .toList());
    }
}

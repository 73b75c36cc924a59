package io.sluice.benchmarks.load;

import static io.sluice.benchmarks.traffic.Amounts.digits;
import static io.sluice.benchmarks.traffic.Amounts.ratio;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.HtmlReport;
import io.sluice.benchmarks.report.Plot;
import io.sluice.benchmarks.traffic.JsonWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/// What several servers did in rounds that were run in turn, and how they compare with the first. A value.
///
/// @param rounds by peer, in the order in which the peers were named; as many of each
record Comparison(Conditions conditions, Map<String, List<LoadStats.Snapshot>> rounds) {

    /// A figure that is compared. A value.
    private record Figure(String name, String unit, ToDoubleFunction<LoadStats.Snapshot> of) {}

    private static final List<Figure> FIGURES = List.of(
            new Figure("TTFT p50", "ms", it -> at(it.all().firstToken(), 50)),
            new Figure("TTFT p99", "ms", it -> at(it.all().firstToken(), 99)),
            new Figure("time per token p50", "ms", it -> at(it.all().meanGap(), 50)),
            new Figure("gap p99", "ms", it -> at(it.all().gap(), 99)),
            new Figure("whole answer p50", "ms", it -> at(it.all().wholeAnswer(), 50)),
            new Figure("output tokens", "per s", it -> it.all().outputTokens() / (it.seconds() + it.drainSeconds())),
            new Figure("requests answered", "per s", it -> it.all().answered() / (it.seconds() + it.drainSeconds())),
            new Figure(
                    "refused or failed", "", it -> it.all().refused() + it.all().failed()));

    private static double at(Histogram us, double percentage) {
        return us.getTotalCount() == 0 ? Double.NaN : us.getValueAtPercentile(percentage) / 1000.0;
    }

    /// Median, least and most of several rounds. A value.
    record Spread(double median, double least, double most) {
        static Spread of(double[] values) {
            double[] sorted = values.clone();
            Arrays.sort(sorted);
            int middle = sorted.length / 2;
            double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
            return new Spread(median, sorted[0], sorted[sorted.length - 1]);
        }
    }

    private Spread spread(String peer, Figure figure) {
        return Spread.of(rounds.getOrDefault(peer, List.of()).stream()
                .mapToDouble(figure.of())
                .toArray());
    }

    /// Each round against the same round of the first peer: both met the same machine.
    private Spread against(String peer, String first, Figure figure) {
        List<LoadStats.Snapshot> its = rounds.getOrDefault(peer, List.of());
        List<LoadStats.Snapshot> firsts = rounds.getOrDefault(first, List.of());
        double[] ratios = new double[its.size()];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = figure.of().applyAsDouble(its.get(i)) / figure.of().applyAsDouble(firsts.get(i));
        }
        return Spread.of(ratios);
    }

    private List<List<String>> rows() {
        List<String> peers = List.copyOf(rounds.keySet());
        List<List<String>> rows = new ArrayList<>();
        for (Figure figure : FIGURES) {
            for (String peer : peers) {
                Spread its = spread(peer, figure);
                Spread ratio = against(peer, peers.getFirst(), figure);
                boolean isFirst = peer.equals(peers.getFirst());
                rows.add(List.of(
                        isFirst ? figure.name() + (figure.unit().isEmpty() ? "" : ", " + figure.unit()) : "",
                        peer,
                        digits(its.median()),
                        digits(its.least()) + " – " + digits(its.most()),
                        isFirst ? "1" : ratio(ratio.median()),
                        isFirst ? "" : ratio(ratio.least()) + " – " + ratio(ratio.most())));
            }
        }
        return rows;
    }

    private static final List<String> HEAD =
            List.of("figure", "peer", "median", "least – most", "ratio", "least – most");

    String text() {
        var text = new StringBuilder();
        conditions
                .values()
                .forEach((name, value) -> text.append(String.format(Locale.ROOT, "%-18s %s%n", name, value)));
        text.append(System.lineSeparator());
        row(text, HEAD);
        for (List<String> cells : rows()) row(text, cells);
        return text.toString();
    }

    private static void row(StringBuilder text, List<String> cells) {
        text.append(String.format(Locale.ROOT, "%-26s %-14s %10s %20s %8s %16s%n", cells.toArray()));
    }

    String json() {
        var json = new JsonWriter();
        return json.object(() -> {
                    json.object("conditions", () -> conditions.values().forEach(json::field));
                    json.array("figures", () -> {
                        for (Figure figure : FIGURES) {
                            for (String peer : rounds.keySet()) json.object(() -> write(json, figure, peer));
                        }
                    });
                })
                .finish();
    }

    private void write(JsonWriter json, Figure figure, String peer) {
        Spread its = spread(peer, figure);
        Spread ratio = against(peer, rounds.keySet().iterator().next(), figure);
        json.field("figure", figure.name())
                .field("unit", figure.unit())
                .field("peer", peer)
                .field("median", its.median())
                .field("least", its.least())
                .field("most", its.most())
                .field("ratioToFirst", ratio.median())
                .field("ratioLeast", ratio.least())
                .field("ratioMost", ratio.most());
    }

    String html() {
        var page = new HtmlReport("Sluice: servers compared", conditions).table(HEAD, rows());
        for (Figure figure : FIGURES) {
            page.plot(Plot.bars(
                    figure.name(),
                    figure.unit(),
                    rounds.keySet().stream()
                            .map(peer -> {
                                Spread its = spread(peer, figure);
                                return new Plot.Bar(peer, its.median(), (its.most() - its.least()) / 2);
                            })
                            .toList()));
        }
        return page.page();
    }
}

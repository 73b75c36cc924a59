package io.sluice.benchmarks.micro;

import static io.sluice.benchmarks.traffic.Amounts.digits;
import static io.sluice.benchmarks.traffic.Amounts.percent;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.HtmlReport;
import io.sluice.benchmarks.report.Plot;
import io.sluice.benchmarks.traffic.JsonWriter;
import io.sluice.device.MachineLimits;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// All figures of a run of the suite, and how they are told: as text, JSON and HTML. A value.
record JmhFigures(Conditions conditions, List<JmhFigure> figures) {
    private static final List<String> HEAD =
            List.of("benchmark", "score", "±", "unit", "B/op", "CPU µs", "p50", "p99", "of memory", "of products");

    JmhFigures {
        figures = List.copyOf(figures);
    }

    private MachineLimits limits() {
        Map<String, Double> machine = figures.stream()
                .filter(it -> it.benchmark().startsWith("MachineBenchmark."))
                .collect(Collectors.toMap(it -> it.parameter("limit"), JmhFigure::score));
        return new MachineLimits(machine);
    }

    String text() {
        var text = new StringBuilder();
        conditions
                .values()
                .forEach((name, value) -> text.append(String.format(Locale.ROOT, "%-18s %s%n", name, value)));
        text.append(System.lineSeparator());
        List<List<String>> rows = new ArrayList<>(List.of(HEAD));
        rows.addAll(rows());
        int[] widths = new int[HEAD.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++)
                widths[i] = Math.max(widths[i], row.get(i).length());
        }
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                String format = i == 0 || i == 3 ? "%-" + widths[i] + "s  " : "%" + widths[i] + "s  ";
                text.append(String.format(Locale.ROOT, format, row.get(i)));
            }
            text.append(System.lineSeparator());
        }
        return text.toString();
    }

    private List<List<String>> rows() {
        MachineLimits limits = limits();
        return figures.stream()
                .map(it -> List.of(
                        it.name(),
                        digits(it.score()),
                        digits(it.error()),
                        it.unit(),
                        digits(it.bytesPerOperation()),
                        digits(it.cpuUs()),
                        digits(it.percentiles().getOrDefault("p50.0", Double.NaN)),
                        digits(it.percentiles().getOrDefault("p99.0", Double.NaN)),
                        percent(limits.ofMemory(it.parameter("kernel"), it.score())),
                        percent(limits.ofProducts(it.parameter("kernel"), it.score()))))
                .toList();
    }

    String json() {
        MachineLimits limits = limits();
        JsonWriter json = new JsonWriter();
        return json.object(() -> {
                    json.object("conditions", () -> conditions.values().forEach(json::field));
                    json.array("benchmarks", () -> {
                        for (JmhFigure figure : figures) json.object(() -> write(json, figure, limits));
                    });
                })
                .finish();
    }

    private static void write(JsonWriter json, JmhFigure figure, MachineLimits limits) {
        json.field("benchmark", figure.benchmark());
        json.object("parameters", () -> new TreeMap<>(figure.parameters()).forEach(json::field));
        json.field("mode", figure.mode())
                .field("score", figure.score())
                .field("error", figure.error())
                .field("unit", figure.unit())
                .field("bytesPerOperation", figure.bytesPerOperation())
                .field("cpuUs", figure.cpuUs());
        json.object("percentiles", () -> new TreeMap<>(figure.percentiles()).forEach(json::field));
        String kernel = figure.parameter("kernel");
        if (kernel.isEmpty()) return;
        json.field("ofMemoryRate", limits.ofMemory(kernel, figure.score()))
                .field("ofProductRate", limits.ofProducts(kernel, figure.score()));
    }

    String html() {
        var page = new HtmlReport("Sluice: JMH suite", conditions);
        page.table(HEAD, rows());
        Map<String, List<JmhFigure>> byClass = new TreeMap<>();
        for (JmhFigure figure : figures) {
            String group = figure.benchmark().replaceFirst("\\..*", "") + ", " + figure.unit();
            byClass.computeIfAbsent(group, _ -> new ArrayList<>()).add(figure);
        }
        byClass.forEach((group, members) -> page.plot(Plot.bars(
                group.replaceFirst(",.*", ""),
                members.getFirst().unit(),
                members.stream()
                        .map(it -> new Plot.Bar(
                                it.name().substring(it.name().indexOf('.') + 1),
                                it.score(),
                                Double.isFinite(it.error()) ? it.error() : 0))
                        .toList())));
        return page.page();
    }
}

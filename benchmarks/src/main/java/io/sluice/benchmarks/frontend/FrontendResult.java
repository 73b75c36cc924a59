package io.sluice.benchmarks.frontend;

import static io.sluice.benchmarks.traffic.Amounts.digits;
import static io.sluice.benchmarks.traffic.Amounts.percent;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.HtmlReport;
import io.sluice.benchmarks.report.Plot;
import io.sluice.benchmarks.traffic.JsonWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What the frontend did, and how it is told. A value.
///
/// @param bare events that one processor could write each second if it did nothing else
/// @param looks at its counters, one after another
/// @param heaps live, from the beginning of the measurement to its end; empty if unknown
/// @param profile null if nothing was recorded
record FrontendResult(
        Conditions conditions,
        double bare,
        List<Look> looks,
        List<Long> heaps,
        @Nullable CpuProfile profile) {
    FrontendResult {
        looks = List.copyOf(looks);
        heaps = List.copyOf(heaps);
    }

    /// The counters at one moment since the measurement began. A value.
    ///
    /// @param serverCpuNs processor time that the server used up to then
    /// @param sinkCpuNs the same of the thread that counted
    /// @param residentBytes the server's memory
    record Look(long atNs, RawSink.Counts counts, long serverCpuNs, long sinkCpuNs, long residentBytes) {}

    private Look last() {
        return looks.getLast();
    }

    private Look first() {
        return looks.getFirst();
    }

    double seconds() {
        return (last().atNs() - first().atNs()) / 1e9;
    }

    double eventsPerSecond() {
        return last().counts().since(first().counts()).events() / seconds();
    }

    /// For each second of processor time that the server used.
    double eventsPerCpuSecond() {
        return last().counts().since(first().counts()).events() / cores() / seconds();
    }

    /// Processors that the server was busy on, on average.
    double cores() {
        return (last().serverCpuNs() - first().serverCpuNs()) / 1e9 / seconds();
    }

    /// How many events the client could count in the processor time that the server needs for one.
    double sinkAdvantage() {
        double server = last().serverCpuNs() - first().serverCpuNs();
        double sink = last().sinkCpuNs() - first().sinkCpuNs();
        return sink <= 0 ? Double.NaN : server / sink;
    }

    private double bytesPerEvent() {
        RawSink.Counts counted = last().counts().since(first().counts());
        return (double) counted.bytes() / counted.events();
    }

    private double eventsPerRead() {
        RawSink.Counts counted = last().counts().since(first().counts());
        return (double) counted.events() / counted.reads();
    }

    String text() {
        var text = new StringBuilder();
        conditions.values().forEach((name, value) -> line(text, name, value));
        text.append(System.lineSeparator());
        line(
                text,
                "events",
                digits(eventsPerSecond()) + " per second over " + digits(seconds()) + " s, " + digits(bytesPerEvent())
                        + " bytes each, " + digits(eventsPerRead()) + " in each of the client's reads");
        line(
                text,
                "server",
                digits(cores()) + " cores busy: " + digits(eventsPerCpuSecond())
                        + " EVENTS PER SECOND AND SERVER CORE");
        line(
                text,
                "system alone",
                digits(bare) + " writes of as many bytes per second of a processor: the server reaches "
                        + percent(eventsPerCpuSecond() / bare) + " of that");
        line(
                text,
                "client",
                "counts " + digits(sinkAdvantage()) + " events in the processor time of one of the server's");
        line(text, "memory", memory());
        CpuProfile found = profile;
        if (found != null && found.samples() > 0) {
            line(text, "collector", found.collections() + " collections, " + digits(found.pauseMs()) + " ms of pauses");
            text.append(System.lineSeparator())
                    .append("the server's processor time went to")
                    .append(System.lineSeparator());
            found.parts()
                    .forEach((part, share) ->
                            text.append(String.format(Locale.ROOT, "  %7s  %s%n", percent(share), part)));
            text.append("on top of the stacks were").append(System.lineSeparator());
            found.methods()
                    .forEach((part, share) ->
                            text.append(String.format(Locale.ROOT, "  %7s  %s%n", percent(share), part)));
        }
        return text.toString();
    }

    private String memory() {
        String resident = "resident " + mebibytes(first().residentBytes()) + " at first, "
                + mebibytes(last().residentBytes()) + " at last";
        if (heaps.size() < 2) return resident;
        return resident + "; live heap " + mebibytes(heaps.getFirst()) + " after a tenth of the time, "
                + mebibytes(heaps.getLast()) + " at its end";
    }

    private static String mebibytes(long bytes) {
        return bytes < 0 ? "unknown" : digits(bytes / (double) (1 << 20)) + " MiB";
    }

    private static void line(StringBuilder text, String label, String value) {
        text.append(String.format(Locale.ROOT, "%-18s %s%n", label, value));
    }

    String json() {
        var json = new JsonWriter();
        return json.object(() -> {
                    json.object("conditions", () -> conditions.values().forEach(json::field));
                    json.field("seconds", seconds())
                            .field("eventsPerSecond", eventsPerSecond())
                            .field("serverCores", cores())
                            .field("eventsPerSecondAndServerCore", eventsPerCpuSecond())
                            .field("bareWritesPerSecondAndCore", bare)
                            .field("bytesPerEvent", bytesPerEvent())
                            .field("eventsPerRead", eventsPerRead())
                            .field("sinkAdvantage", sinkAdvantage());
                    json.array("looks", () -> {
                        for (Look look : looks) {
                            json.object(() -> json.field("atSeconds", look.atNs() / 1e9)
                                    .field("events", look.counts().events())
                                    .field("serverCpuSeconds", look.serverCpuNs() / 1e9)
                                    .field("residentBytes", look.residentBytes()));
                        }
                    });
                    json.array("liveHeaps", () -> {
                        for (long heap : heaps) json.object(() -> json.field("bytes", heap));
                    });
                    CpuProfile found = profile;
                    if (found == null) return;
                    json.object("processorTime", () -> found.parts().forEach(json::field));
                    json.object("topMethods", () -> found.methods().forEach(json::field));
                })
                .finish();
    }

    String html() {
        var page = new HtmlReport("Sluice: the frontend's ceiling", conditions);
        page.paragraph("%s events per second and server core (%s per second on %s cores)"
                .formatted(digits(eventsPerCpuSecond()), digits(eventsPerSecond()), digits(cores())));
        page.paragraph(
                "The system alone, with one write for each event: %s per second and core".formatted(digits(bare)));
        page.paragraph(memory());
        List<Plot.Point> rates = new ArrayList<>();
        for (int i = 1; i < looks.size(); i++) {
            Look now = looks.get(i);
            Look before = looks.get(i - 1);
            double seconds = (now.atNs() - before.atNs()) / 1e9;
            rates.add(new Plot.Point(
                    now.atNs() / 1e9, now.counts().since(before.counts()).events() / seconds));
        }
        page.plot(
                Plot.lines("Events per second", "seconds", "events/s", false, List.of(new Plot.Line("events", rates))));
        page.plot(Plot.lines(
                "The server's memory",
                "seconds",
                "MiB",
                false,
                List.of(new Plot.Line(
                        "resident",
                        looks.stream()
                                .map(it -> new Plot.Point(it.atNs() / 1e9, it.residentBytes() / (double) (1 << 20)))
                                .toList()))));
        CpuProfile found = profile;
        if (found != null) page.plot(bars("Processor time", found.parts())).plot(bars("Top of stack", found.methods()));
        return page.page();
    }

    private static String bars(String title, Map<String, Double> parts) {
        return Plot.bars(
                title,
                "%",
                parts.entrySet().stream()
                        .map(it -> new Plot.Bar(it.getKey(), it.getValue() * 100, 0))
                        .toList());
    }
}

package io.sluice.benchmarks.traffic;

import static io.sluice.benchmarks.traffic.Amounts.percent;
import static io.sluice.benchmarks.traffic.Amounts.rate;
import static io.sluice.benchmarks.traffic.Amounts.ratio;
import static io.sluice.benchmarks.traffic.Amounts.seconds;

import java.util.Locale;

/// One replay as lines for a terminal. One thread.
final class ReplayText {
    private ReplayText() {}

    static String of(Setup setup, Measured measured) {
        Summary summary = measured.summary();
        ReplayResult result = summary.result();
        Trace trace = result.workload().trace();
        var text = new StringBuilder();
        line(
                text,
                "trace",
                String.format(
                        Locale.ROOT,
                        "%s (SHA-256 %.12s), %,d requests at %s per second",
                        trace.name(),
                        trace.sha256(),
                        trace.rows().size(),
                        rate(trace.rate())));
        line(
                text,
                "engine",
                String.format(
                        Locale.ROOT,
                        "%s, %s on %s, steps of at most %d tokens, seed %d, commit %s",
                        measured.policy(),
                        setup.device().model().name(),
                        setup.device().gpu().name(),
                        measured.stepTokensMax(),
                        setup.seed(),
                        setup.commit()));
        line(text, "clients", measured.clients() == Clients.GIVE_UP ? "give up when refused" : "obey Retry-After");
        line(
                text,
                "goodput",
                String.format(
                        Locale.ROOT,
                        "%s requests per second and %s tokens per second as promised: %s of what was offered",
                        rate(summary.goodput()),
                        rate(summary.tokenGoodput()),
                        percent(summary.all().goodPart())));
        line(
                text,
                "strictly",
                String.format(
                        Locale.ROOT,
                        "%s requests per second with 99 %% of each request's gaps in time",
                        rate(summary.strictGoodput())));
        line(
                text,
                "engine held",
                String.format(
                        Locale.ROOT,
                        "%s of the KV cache, %s running, %s waiting; %d gave way, KV exhausted in %d of %d steps",
                        percent(result.occupancy().kvPart()),
                        rate(result.occupancy().running()),
                        rate(result.occupancy().waiting()),
                        result.last().preemptions(),
                        result.exhaustions(),
                        result.last().steps()));
        line(
                text,
                "refusals",
                summary.refusals().isEmpty() ? "none" : summary.refusals().toString());
        if (summary.saidOverTrue().count() > 0) {
            line(
                    text,
                    "Retry-After",
                    String.format(
                            Locale.ROOT,
                            "said over true: median %s, p95 %s; misjudged: median %sx, p95 %sx (%d followed)",
                            ratio(summary.saidOverTrue().at(50)),
                            ratio(summary.saidOverTrue().at(95)),
                            ratio(summary.misjudged().at(50)),
                            ratio(summary.misjudged().at(95)),
                            summary.saidOverTrue().count()));
        }
        classes(text, measured);
        return text.toString();
    }

    private static void classes(StringBuilder text, Measured measured) {
        row(text, "class", "offered", "promised", "strict", "refused", "TTFT p50", "p99", "gap p50", "p99", "gave way");
        for (GroupSummary group : measured.summary().classes()) {
            row(
                    text,
                    group.name(),
                    Integer.toString(group.offered()),
                    percent(group.goodPart()),
                    percent(group.strictlyGoodPart()),
                    percent((double) group.refused() / group.offered()),
                    seconds(group.firstToken().at(50)),
                    seconds(group.firstToken().at(99)),
                    seconds(measured.gaps().classNs(group.name(), 50)),
                    seconds(measured.gaps().classNs(group.name(), 99)),
                    Long.toString(group.preemptions()));
        }
    }

    private static void line(StringBuilder text, String label, String value) {
        text.append(String.format(Locale.ROOT, "%-12s %s%n", label, value));
    }

    private static void row(StringBuilder text, String first, String... cells) {
        text.append(String.format(Locale.ROOT, "%-12s", first));
        for (String cell : cells) text.append(String.format(Locale.ROOT, " %9s", cell));
        text.append(String.format("%n"));
    }
}

package io.sluice.benchmarks.traffic;

import static io.sluice.benchmarks.traffic.Amounts.percent;
import static io.sluice.benchmarks.traffic.Amounts.rate;
import static io.sluice.benchmarks.traffic.Amounts.ratio;
import static io.sluice.benchmarks.traffic.Amounts.seconds;

import io.sluice.batching.ModelLimits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

/// Writes a study for people. The same study gives the same bytes. One thread.
final class ReportMarkdown {
    private static final int TENANTS_SHOWN = 10;

    private final Study study;
    private final StringBuilder out = new StringBuilder();

    private ReportMarkdown(Study study) {
        this.study = study;
    }

    static String of(Study study) {
        return new ReportMarkdown(study).write();
    }

    private String write() {
        line("# Traffic in simulation");
        line("Written by `./sluice simulate report`; [what is modelled and how to read it](../traffic-simulation.md).");
        conditions();
        goals();
        for (Study.PerTrace trace : study.traces()) trace(trace);
        longPrompts();
        return out.toString();
    }

    private void conditions() {
        Setup setup = study.setup();
        ModelLimits limits = setup.device().limits();
        line("## Conditions");
        var table = new MarkdownTable("what", "value");
        table.row("commit", "`" + setup.commit() + "`");
        table.row("seed", Long.toString(setup.seed()));
        table.row(
                "device, model",
                setup.device().gpu().name() + ", " + setup.device().model().name()
                        + ": a formula for the time of a step; nothing ran on a device");
        table.row(
                "KV cache",
                String.format(
                        Locale.ROOT,
                        "%s blocks of %d tokens",
                        Amounts.digits(limits.blockCount()),
                        limits.blockSize()));
        table.row(
                "steps",
                String.format(
                        Locale.ROOT,
                        "at most %d sequences; Sluice at most %d tokens",
                        limits.sequencesMax(),
                        limits.stepTokensMax()));
        for (Promise promise : Promise.ALL) {
            table.row(
                    "class " + promise.name(),
                    promise.slo() + "; meant to be " + percent(promise.share()) + " of requests");
        }
        line(table);
    }

    private void goals() {
        line("## Goals");
        List<List<ReportClaims.Claim>> claims =
                study.traces().stream().map(ReportClaims::of).toList();
        var headings = new ArrayList<String>(List.of("goal"));
        for (Study.PerTrace per : study.traces())
            headings.add(per.study().trace().name());
        var table = new MarkdownTable(headings.toArray(String[]::new));
        for (int i = 0; i < claims.getFirst().size(); i++) {
            int at = i;
            var cells = new ArrayList<String>(List.of(claims.getFirst().get(i).goal()));
            claims.forEach(ofTrace -> cells.add(ofTrace.get(at).verdict()));
            table.row(cells.toArray(String[]::new));
        }
        line(table);
        ReportClaims.Claim longPrompt = ReportClaims.of(study.longPrompts().getFirst());
        line("Whatever the trace: " + longPrompt.goal() + ": " + longPrompt.verdict() + ".");
    }

    private void trace(Study.PerTrace per) {
        TraceStudy traced = per.study();
        Trace trace = traced.trace();
        line("## " + trace.name());
        line(String.format(
                        Locale.ROOT,
                        "SHA-256 `%s`; %,d requests, sent at %s per second. **Capacity: %s requests per second** (nearly idle, %s of",
                        trace.sha256(),
                        trace.rows().size(),
                        rate(trace.rate()),
                        rate(traced.capacity().requestsPerSecond()),
                        percent(traced.capacity().idleGoodPart()))
                + " requests are served as promised). The others' step budget, with which static caps do best at 2x: "
                + traced.baselineStepTokensMax() + " tokens.");
        line("### Goodput, requests per second");
        line(overview(traced));
        line(difference(traced.at(2.0)));
        for (TraceStudy.Load load : traced.loads()) load(load);
        line("### Static caps");
        line(caps(traced));
        classes(traced.at(2.0));
        tenants(traced.at(2.0).sluice());
        refusals(traced);
        twoTenants(per);
    }

    private static MarkdownTable overview(TraceStudy traced) {
        var table = new MarkdownTable("load", "sluice", "fcfs", "best cap", "best full reservation");
        for (TraceStudy.Load load : traced.loads()) {
            table.row(
                    Amounts.digits(load.factor()) + "x",
                    rate(load.sluice().goodput()),
                    rate(load.firstCome().goodput()),
                    rate(load.bestCap().goodput()) + " (" + load.bestCap().policy() + ")",
                    rate(load.bestReservation().goodput()) + " ("
                            + load.bestReservation().policy() + ")");
        }
        return table;
    }

    /// Which classes the difference to the best static cap is made of.
    private static String difference(TraceStudy.Load load) {
        Measured cap = load.bestCap();
        var text = new StringBuilder("At " + Amounts.digits(load.factor()) + "x, Sluice serves as promised, against "
                + cap.policy() + ", in requests per second");
        String separator = ": ";
        for (GroupSummary ours : load.sluice().summary().classes()) {
            double theirs = cap.summary().classes().stream()
                    .filter(group -> group.name().equals(ours.name()))
                    .mapToInt(GroupSummary::good)
                    .sum();
            double seconds = load.sluice().summary().seconds();
            text.append(separator)
                    .append(String.format(Locale.ROOT, "%+.2f %s", (ours.good() - theirs) / seconds, ours.name()));
            separator = ", ";
        }
        return text.append('.').toString();
    }

    private void load(TraceStudy.Load load) {
        line(String.format(
                Locale.ROOT,
                "### At %sx: %s requests per second",
                Amounts.digits(load.factor()),
                rate(offeredRate(load.sluice()))));
        var table = new MarkdownTable(
                "policy",
                "goodput req/s",
                "of offered",
                "strict",
                "tokens/s",
                "refused",
                "broken",
                "prompt found",
                "KV held",
                "running",
                "waiting",
                "gave way",
                "parked",
                "KV exhausted",
                "step");
        for (Measured measured : load.compared()) {
            Summary summary = measured.summary();
            ReplayResult result = summary.result();
            table.row(
                    measured.policy().toString(),
                    rate(summary.goodput()),
                    percent(summary.all().goodPart()),
                    percent(summary.all().strictlyGoodPart()),
                    rate(summary.tokenGoodput()),
                    percent((double) summary.all().refused() / summary.all().offered()),
                    Integer.toString(summary.all().broken()),
                    percent(summary.all().foundPart()),
                    percent(result.occupancy().kvPart()),
                    rate(result.occupancy().running()),
                    rate(result.occupancy().waiting()),
                    Long.toString(result.last().preemptions()),
                    Long.toString(result.last().parks()),
                    Long.toString(result.exhaustions()),
                    seconds((double) result.endNs() / Math.max(1, result.last().steps())));
        }
        line(table);
    }

    private static double offeredRate(Measured measured) {
        return measured.summary().all().offered() / measured.summary().seconds();
    }

    private static MarkdownTable caps(TraceStudy traced) {
        var table = new MarkdownTable("goodput req/s with at most", "0.7x", "1x", "2x", "4x");
        int count = traced.loads().getFirst().caps().size();
        for (int i = 0; i < count; i++) {
            int at = i;
            List<String> cells = traced.loads().stream()
                    .map(load -> rate(load.caps().get(at).goodput()))
                    .toList();
            table.row(
                    traced.loads().getFirst().caps().get(i).policy().toString(),
                    cells.get(0),
                    cells.get(1),
                    cells.get(2),
                    cells.get(3));
        }
        return table;
    }

    private void classes(TraceStudy.Load load) {
        line("### Classes at 2x");
        var table = new MarkdownTable(
                "policy",
                "class",
                "offered",
                "as promised",
                "strict",
                "refused",
                "gave way",
                "TTFT p50",
                "p99",
                "gap p50",
                "p99",
                "whole p50",
                "p99");
        for (Measured measured : load.compared()) {
            for (GroupSummary group : measured.summary().classes()) {
                table.row(
                        measured.policy().toString(),
                        group.name(),
                        Integer.toString(group.offered()),
                        percent(group.goodPart()),
                        percent(group.strictlyGoodPart()),
                        percent((double) group.refused() / group.offered()),
                        gaveWay(measured, group.name()),
                        seconds(group.firstToken().at(50)),
                        seconds(group.firstToken().at(99)),
                        seconds(measured.gaps().classNs(group.name(), 50)),
                        seconds(measured.gaps().classNs(group.name(), 99)),
                        seconds(group.wholeAnswer().at(50)),
                        seconds(group.wholeAnswer().at(99)));
            }
        }
        line(table);
    }

    private static String gaveWay(Measured measured, String className) {
        OptionalLong known = measured.preemptions(className);
        return known.isPresent() ? Long.toString(known.getAsLong()) : "?";
    }

    private void tenants(Measured measured) {
        line("### The ten tenants who send most, at 2x, under Sluice");
        var table =
                new MarkdownTable("tenant", "class", "offered", "as promised", "refused", "TTFT p50", "p99", "gap p99");
        measured.summary().tenants().stream()
                .sorted(Comparator.comparingInt(GroupSummary::offered).reversed())
                .limit(TENANTS_SHOWN)
                .forEach(group -> table.row(
                        group.name(),
                        classOf(measured, group.name()),
                        Integer.toString(group.offered()),
                        percent(group.goodPart()),
                        percent((double) group.refused() / group.offered()),
                        seconds(group.firstToken().at(50)),
                        seconds(group.firstToken().at(99)),
                        seconds(measured.gaps().tenantNs(group.name(), 99))));
        line(table);
    }

    private static String classOf(Measured measured, String tenant) {
        return measured.summary().result().workload().requests().stream()
                .map(TrafficRequest::caller)
                .filter(caller -> caller.tenant().name().equals(tenant))
                .map(caller -> caller.trafficClass().name())
                .findFirst()
                .orElseThrow();
    }

    private void refusals(TraceStudy traced) {
        line("### Refusals, and what they said");
        var table = new MarkdownTable(
                "load",
                "refusals",
                "followed",
                "said/true p5",
                "p50",
                "p95",
                "misjudged p50",
                "p95",
                "in whole seconds p50",
                "p95");
        for (TraceStudy.Load load : traced.loads()) {
            Summary summary = load.sluice().summary();
            table.row(
                    Amounts.digits(load.factor()) + "x",
                    summary.refusals().isEmpty() ? "none" : summary.refusals().toString(),
                    Integer.toString(summary.saidOverTrue().count()),
                    ratio(summary.saidOverTrue().at(5)),
                    ratio(summary.saidOverTrue().at(50)),
                    ratio(summary.saidOverTrue().at(95)),
                    ratio(summary.misjudged().at(50)),
                    ratio(summary.misjudged().at(95)),
                    ratio(summary.misjudgedInSeconds().at(50)),
                    ratio(summary.misjudgedInSeconds().at(95)));
        }
        line(table);
        Summary obeying = traced.obeying().summary();
        line(String.format(
                        Locale.ROOT,
                        "With clients who come back when they were told to, for at most two minutes, at 2x: %s requests per second",
                        rate(obeying.goodput()))
                + String.format(
                        Locale.ROOT,
                        " are served as promised, counted from the first attempt, and %s give up. Of those who are"
                                + " served later, %s are admitted when they come for the second time.",
                        percent((double) obeying.all().refused() / obeying.all().offered()),
                        percent(obeying.secondAttemptPart())));
    }

    private void twoTenants(Study.PerTrace per) {
        line("### Two tenants");
        var fairness = new MarkdownTable(
                "policy, demand 10:1",
                "the light asks for",
                "tokens of the heavy",
                "of the light",
                "ratio",
                "ratio, output twice");
        for (FairnessStudy it : per.fairness()) {
            fairness.row(
                    it.policy().toString(),
                    "%.0fx capacity".formatted(it.load()),
                    Amounts.digits((double) it.heavyTokens()),
                    Amounts.digits((double) it.lightTokens()),
                    ratio(it.ratio()),
                    ratio(it.weightedRatio()));
        }
        line(fairness);
        var light = new MarkdownTable(
                "policy, 5 % beside 200 %",
                "light TTFT p99 alone", "beside", "step", "ratio less two steps", "light refused");
        for (LightTenantStudy it : per.lightTenants()) {
            light.row(
                    it.policy().toString(),
                    seconds(it.aloneNs()),
                    seconds(it.besideNs()),
                    seconds(it.stepNs()),
                    ratio(it.ratio()),
                    it.refused() + " of " + it.offered());
        }
        line(light);
    }

    private void longPrompts() {
        line("## A prompt of 8,192 tokens among short requests");
        var table = new MarkdownTable("policy", "others' gap p99 without", "beside it", "ratio", "its TTFT p50");
        for (LongPromptStudy it : study.longPrompts()) {
            table.row(
                    it.policy().toString(),
                    seconds(it.steadyNs()),
                    seconds(it.disturbedNs()),
                    ratio(it.ratio()),
                    seconds(it.firstTokenNs()));
        }
        line(table);
    }

    private void line(Object text) {
        out.append(text).append('\n');
        if (!(text instanceof MarkdownTable)) out.append('\n');
        else if (out.charAt(out.length() - 2) != '\n') out.append('\n');
    }
}

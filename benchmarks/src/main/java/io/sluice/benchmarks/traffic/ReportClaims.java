package io.sluice.benchmarks.traffic;

import static io.sluice.benchmarks.traffic.Amounts.percent;
import static io.sluice.benchmarks.traffic.Amounts.ratio;
import static io.sluice.benchmarks.traffic.Amounts.seconds;

import java.util.ArrayList;
import java.util.List;

/// The goals that Sluice set itself for one trace, and what was measured. One thread.
final class ReportClaims {
    private final Study.PerTrace per;
    private final List<Claim> claims = new ArrayList<>();

    private ReportClaims(Study.PerTrace per) {
        this.per = per;
    }

    /// One goal. A value.
    record Claim(String goal, String measured, boolean isMet) {
        String verdict() {
            return measured + (isMet ? ", met" : ", **missed**");
        }
    }

    /// All goals of one trace, in an order that is the same for all traces.
    static List<Claim> of(Study.PerTrace per) {
        var claims = new ReportClaims(per);
        claims.goodput();
        claims.memory();
        claims.tenants();
        claims.retryAfter();
        return claims.claims;
    }

    /// The goal that no trace has a part in.
    static Claim of(LongPromptStudy study) {
        return new Claim(
                "an 8,192-token prompt leaves others' ITL p99 at most 2x what it is without",
                ratio(study.ratio()) + "x (" + seconds(study.disturbedNs()) + " against " + seconds(study.steadyNs())
                        + ")",
                study.ratio() <= 2);
    }

    private void goodput() {
        TraceStudy.Load twice = per.study().at(2.0);
        double ofPeak = twice.sluice().goodput() / per.study().peak().goodput();
        double overFirstCome = twice.sluice().goodput() / twice.firstCome().goodput();
        double overCap = twice.sluice().goodput() / twice.bestCap().goodput();
        double overReservation =
                twice.sluice().goodput() / twice.bestReservation().goodput();
        claim("goodput at 2x at least 95 % of its peak", percent(ofPeak), ofPeak >= 0.95);
        claim("goodput at 2x at least twice that of fcfs", ratio(overFirstCome) + "x", overFirstCome >= 2);
        claim(
                "goodput at 2x above the best static cap",
                ratio(overCap) + "x (" + twice.bestCap().policy() + ")",
                overCap > 1);
        claim(
                "goodput at 2x above the best full reservation",
                ratio(overReservation) + "x (" + twice.bestReservation().policy() + ")",
                overReservation > 1);
    }

    private void memory() {
        long exhausted = 0;
        long guaranteed = 0;
        for (TraceStudy.Load load : per.study().loads()) {
            exhausted += load.sluice().summary().result().exhaustions();
            guaranteed += load.sluice().summary().result().last().guaranteedPreemptions();
        }
        TraceStudy.Load twice = per.study().at(2.0);
        double used = kvHeld(twice.sluice());
        double reserved = kvHeld(twice.reservations().getLast());
        claim("no preemption of the guaranteed class, at any load", Long.toString(guaranteed), guaranteed == 0);
        claim("no exhausted KV cache, at any load", Long.toString(exhausted), exhausted == 0);
        claim(
                "KV held at 2x at least 1.5x of full reservation's, with as many waiting as that needs",
                ratio(used / reserved) + "x (" + percent(used) + " against " + percent(reserved) + ")",
                used / reserved >= 1.5);
    }

    private static double kvHeld(Measured measured) {
        return measured.summary().result().occupancy().kvPart();
    }

    private void tenants() {
        FairnessStudy fairness = per.fairness().getFirst();
        FairnessStudy gaps = per.fairness().get(1);
        LightTenantStudy light = per.lightTenants().getFirst();
        claim(
                "two backlogged tenants, 10:1 demand, within 10 % of 1:1",
                "%s; %s where the light one asks for no more than the capacity"
                        .formatted(ratio(fairness.ratio()), ratio(gaps.ratio())),
                fairness.ratio() <= 1.1);
        claim(
                "a light tenant's TTFT p99 at most 1.2x of alone and two steps",
                ratio(light.ratio()) + "x",
                light.ratio() <= 1.2);
    }

    private void retryAfter() {
        Summary twice = per.study().at(2.0).sluice().summary();
        double median = twice.misjudged().at(50);
        double worst = twice.misjudged().at(95);
        int followed = twice.misjudged().count();
        String of = followed == 0 ? "nobody was told when to come back" : "x (" + followed + " followed)";
        claim("time to come back within 25 % of the truth, median at 2x", told(median, of), median <= 1.25);
        claim("time to come back within 2x of the truth, p95 at 2x", told(worst, of), worst <= 2);
    }

    private static String told(double misjudged, String of) {
        return Double.isNaN(misjudged) ? of : ratio(misjudged) + of;
    }

    private void claim(String goal, String measured, boolean isMet) {
        claims.add(new Claim(goal, measured, isMet));
    }
}

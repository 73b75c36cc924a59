package io.sluice.benchmarks.traffic;

import io.sluice.batching.ModelLimits;
import java.util.List;

/// Writes a study, or one replay, for programs; times in milliseconds. The same study gives the same bytes.
/// One thread.
final class ReportJson {
    private static final double MS = 1e6;

    private final JsonWriter json = new JsonWriter();

    private ReportJson() {}

    static String of(Study study) {
        var writer = new ReportJson();
        writer.json.object(() -> writer.study(study));
        return writer.json.finish();
    }

    static String of(Setup setup, Measured measured) {
        var writer = new ReportJson();
        writer.json.object(() -> {
            writer.conditions(setup);
            writer.trace(measured.summary().result().workload().trace());
            writer.measured(measured);
        });
        return writer.json.finish();
    }

    private void study(Study study) {
        conditions(study.setup());
        json.array("traces", () -> {
            for (Study.PerTrace per : study.traces()) json.object(() -> perTrace(per));
        });
        json.array("longPrompts", () -> {
            for (LongPromptStudy it : study.longPrompts()) {
                json.object(() -> json.field("policy", it.policy().toString())
                        .field("othersGapP99MsWithout", it.steadyNs() / MS)
                        .field("othersGapP99MsBeside", it.disturbedNs() / MS)
                        .field("ratio", it.ratio())
                        .field("ttftP50Ms", it.firstTokenNs() / MS));
            }
        });
    }

    private void conditions(Setup setup) {
        DeviceModel device = setup.device();
        ModelLimits limits = device.limits();
        json.object(
                "conditions",
                () -> json.field("commit", setup.commit())
                        .field("seed", setup.seed())
                        .field("gpu", device.gpu().name())
                        .field("model", device.model().name())
                        .field("blocks", limits.blockCount())
                        .field("blockSize", limits.blockSize())
                        .field("hostBlocks", limits.hostBlockCount())
                        .field("sequencesMax", limits.sequencesMax())
                        .field("stepTokensMax", limits.stepTokensMax()));
        json.array("promises", () -> {
            for (Promise promise : Promise.ALL) {
                json.object(() -> json.field("class", promise.name())
                        .field("slo", promise.slo().toString())
                        .field("share", promise.share()));
            }
        });
    }

    private void trace(Trace trace) {
        json.object(
                "trace",
                () -> json.field("name", trace.name())
                        .field("sha256", trace.sha256())
                        .field("requests", trace.rows().size())
                        .field("requestsPerSecond", trace.rate()));
    }

    private void perTrace(Study.PerTrace per) {
        TraceStudy study = per.study();
        trace(study.trace());
        json.array("goals", () -> {
            for (ReportClaims.Claim claim : ReportClaims.of(per)) {
                json.object(() -> json.field("goal", claim.goal())
                        .field("measured", claim.measured())
                        .field("met", claim.isMet() ? "yes" : "no"));
            }
        });
        json.object(
                "capacity",
                () -> json.field("requestsPerSecond", study.capacity().requestsPerSecond())
                        .field("goodPartIdle", study.capacity().idleGoodPart()));
        json.field("baselineStepTokensMax", study.baselineStepTokensMax());
        json.array("loads", () -> {
            for (TraceStudy.Load load : study.loads()) json.object(() -> load(load));
        });
        json.object("obeyingRetryAfterAt2x", () -> measured(study.obeying()));
        twoTenants(per.fairness(), per.lightTenants());
    }

    private void load(TraceStudy.Load load) {
        json.field("factor", load.factor());
        json.array("policies", () -> {
            for (Measured measured : load.compared()) json.object(() -> measured(measured));
        });
        swept("caps", load.caps());
        swept("reservations", load.reservations());
    }

    private void swept(String name, List<Measured> all) {
        json.array(name, () -> {
            for (Measured measured : all) {
                json.object(() -> json.field("policy", measured.policy().toString())
                        .field("goodputRequestsPerSecond", measured.goodput())
                        .field("kvHeld", measured.summary().result().occupancy().kvPart()));
            }
        });
    }

    private void measured(Measured measured) {
        Summary summary = measured.summary();
        ReplayResult result = summary.result();
        json.field("policy", measured.policy().toString())
                .field("stepTokensMax", measured.stepTokensMax())
                .field("clients", measured.clients().toString())
                .field("measuredSeconds", summary.seconds())
                .field("offeredRequestsPerSecond", summary.all().offered() / summary.seconds())
                .field("goodputRequestsPerSecond", summary.goodput())
                .field("goodputTokensPerSecond", summary.tokenGoodput())
                .field("strictGoodputRequestsPerSecond", summary.strictGoodput())
                .field("kvHeld", result.occupancy().kvPart())
                .field("runningMean", result.occupancy().running())
                .field("waitingMean", result.occupancy().waiting())
                .field("preemptions", result.last().preemptions())
                .field("parks", result.last().parks())
                .field("guaranteedPreemptions", result.last().guaranteedPreemptions())
                .field("kvExhaustions", result.exhaustions())
                .field("steps", result.last().steps());
        json.object("refusals", () -> summary.refusals().forEach((reason, count) -> json.field(reason, count)));
        json.object(
                "retryAfter",
                () -> json.field("followed", summary.saidOverTrue().count())
                        .field("saidOverTrueP5", summary.saidOverTrue().at(5))
                        .field("saidOverTrueP50", summary.saidOverTrue().at(50))
                        .field("saidOverTrueP95", summary.saidOverTrue().at(95))
                        .field("misjudgedP50", summary.misjudged().at(50))
                        .field("misjudgedP95", summary.misjudged().at(95))
                        .field(
                                "misjudgedInSecondsP50",
                                summary.misjudgedInSeconds().at(50))
                        .field(
                                "misjudgedInSecondsP95",
                                summary.misjudgedInSeconds().at(95)));
        json.object("all", () -> group(summary.all()));
        json.array("classes", () -> {
            for (GroupSummary group : summary.classes()) {
                json.object(() -> {
                    group(group);
                    gaps(
                            "classGap",
                            measured.gaps().classNs(group.name(), 50),
                            measured.gaps().classNs(group.name(), 99));
                });
            }
        });
        json.array("tenants", () -> {
            for (GroupSummary group : summary.tenants()) {
                json.object(() -> {
                    group(group);
                    gaps(
                            "tenantGap",
                            measured.gaps().tenantNs(group.name(), 50),
                            measured.gaps().tenantNs(group.name(), 99));
                });
            }
        });
    }

    private void gaps(String name, double p50Ns, double p99Ns) {
        json.field(name + "P50Ms", p50Ns / MS).field(name + "P99Ms", p99Ns / MS);
    }

    private void group(GroupSummary group) {
        json.field("name", group.name())
                .field("offered", group.offered())
                .field("served", group.served())
                .field("refused", group.refused())
                .field("broken", group.broken())
                .field("good", group.good())
                .field("strictlyGood", group.strictlyGood())
                .field("goodTokens", group.goodTokens())
                .field("promptTokens", group.promptTokens())
                .field("cachedTokens", group.cachedTokens())
                .field("preemptionsToldToRequests", group.preemptions());
        percentiles("ttft", group.firstToken());
        percentiles("meanGap", group.meanGap());
        percentiles("whole", group.wholeAnswer());
    }

    private void percentiles(String name, Percentiles percentiles) {
        json.field(name + "P50Ms", percentiles.at(50) / MS)
                .field(name + "P90Ms", percentiles.at(90) / MS)
                .field(name + "P99Ms", percentiles.at(99) / MS);
    }

    private void twoTenants(List<FairnessStudy> fairness, List<LightTenantStudy> lightTenants) {
        json.array("fairness", () -> {
            for (FairnessStudy it : fairness) {
                json.object(() -> json.field("policy", it.policy().toString())
                        .field("load", it.load())
                        .field("heavyTokens", it.heavyTokens())
                        .field("lightTokens", it.lightTokens())
                        .field("ratio", it.ratio())
                        .field("ratioOutputTwice", it.weightedRatio()));
            }
        });
        json.array("lightTenant", () -> {
            for (LightTenantStudy it : lightTenants) {
                json.object(() -> json.field("policy", it.policy().toString())
                        .field("ttftP99MsAlone", it.aloneNs() / MS)
                        .field("ttftP99MsBeside", it.besideNs() / MS)
                        .field("stepMs", it.stepNs() / MS)
                        .field("ratioLessTwoSteps", it.ratio())
                        .field("refused", it.refused())
                        .field("offered", it.offered()));
            }
        });
    }
}

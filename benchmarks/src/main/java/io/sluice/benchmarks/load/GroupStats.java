package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Slo;
import io.sluice.benchmarks.traffic.Timing;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/// What a group of requests got: a class, a tenant, or all. Guarded by `LoadStats`.
final class GroupStats {

    /// Reasons that are counted one by one; what comes after is "other".
    private static final int REASONS_MAX = 64;

    private static final int DIGITS = 3;
    private static final long MICROSECOND_NS = 1000;

    private final String name;
    private final Histogram firstToken = histogram(); // microseconds, as are the others
    private final Histogram gap = histogram();
    private final Histogram meanGap = histogram();
    private final Histogram wholeAnswer = histogram();
    private final Map<String, Integer> refusals = new TreeMap<>();
    private final Map<String, Integer> failures = new TreeMap<>();
    private int sent;
    private int notSent;
    private int answered;
    private int good;
    private int strictlyGood;
    private long goodTokens;
    private long outputTokens;
    private long promptTokens;
    private long texts;

    GroupStats(String name) {
        this.name = name;
    }

    private static Histogram histogram() {
        var made = new Histogram(DIGITS);
        made.setAutoResize(true);
        return made;
    }

    void countSent() {
        sent++;
    }

    void countNotSent() {
        notSent++;
    }

    void count(Result result) {
        switch (result.last()) {
            case Attempt.Answered answer -> count(answer, result.timing().orElseThrow(), result);
            case Attempt.Refused(int status, String code, var _) -> count(refusals, (status + " " + code).strip());
            case Attempt.Failed(String why, int _) -> count(failures, why);
        }
    }

    private void count(Attempt.Answered answer, Timing timing, Result result) {
        answered++;
        outputTokens += answer.outputTokens();
        promptTokens += answer.promptTokens();
        texts += answer.texts();
        record(firstToken, timing.firstTokenNs());
        record(wholeAnswer, timing.lastTokenNs());
        if (timing.tokens() > 1) record(meanGap, timing.meanGapNs());
        result.gaps().forEachUs(gap::recordValue);
        Slo slo = result.ask().key().slo();
        if (slo.isMet(timing)) {
            good++;
            goodTokens += timing.tokens();
        }
        if (slo.isMetStrictly(timing)) strictlyGood++;
    }

    private static void record(Histogram histogram, long ns) {
        histogram.recordValue(Math.max(0, ns / MICROSECOND_NS));
    }

    private static void count(Map<String, Integer> counts, String reason) {
        boolean known = counts.containsKey(reason) || counts.size() < REASONS_MAX;
        counts.merge(known ? reason : "other", 1, Integer::sum);
    }

    /// All that was counted, for the report.
    Snapshot snapshot() {
        return new Snapshot(
                name,
                sent,
                notSent,
                answered,
                good,
                strictlyGood,
                goodTokens,
                outputTokens,
                promptTokens,
                texts,
                new TreeMap<>(refusals),
                new TreeMap<>(failures),
                firstToken.copy(),
                gap.copy(),
                meanGap.copy(),
                wholeAnswer.copy());
    }

    /// What was counted up to one moment. A value; histograms in microseconds.
    ///
    /// @param sent requests, once each
    /// @param notSent because too many were under way
    /// @param good answered as promised
    /// @param texts events that brought text
    /// @param gap between consecutive events with text
    /// @param meanGap of each answer
    record Snapshot(
            String name,
            int sent,
            int notSent,
            int answered,
            int good,
            int strictlyGood,
            long goodTokens,
            long outputTokens,
            long promptTokens,
            long texts,
            Map<String, Integer> refusals,
            Map<String, Integer> failures,
            Histogram firstToken,
            Histogram gap,
            Histogram meanGap,
            Histogram wholeAnswer) {
        int refused() {
            return refusals.values().stream().mapToInt(Integer::intValue).sum();
        }

        int failed() {
            return failures.values().stream().mapToInt(Integer::intValue).sum();
        }
    }
}

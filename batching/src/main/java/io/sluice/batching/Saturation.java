package io.sluice.batching;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Says how near an engine is to what it can do, from what admission knows. Any thread; an estimate.
final class Saturation {
    private static final double SECOND_NS = 1e9;

    private final ModelLimits limits;
    private final Accounts accounts;
    private final WaitForecast forecast;

    Saturation(ModelLimits limits, Accounts accounts, WaitForecast forecast) {
        this.limits = limits;
        this.accounts = accounts;
        this.forecast = forecast;
    }

    Outlook outlook(long nowNs) {
        double offered = 0;
        double backlog = 0;
        List<Outlook.OfClass> classes = new ArrayList<>();
        double workRate = forecast.workRate();
        for (ClassQueue queue : accounts.classes()) {
            TrafficClass terms = queue.terms();
            offered += queue.offered().get(nowNs) / workRate;
            backlog += queue.backlog().ns() / workRate / terms.firstTokenTargetNs();
            classes.add(new Outlook.OfClass(
                    terms.name(),
                    forecast.waitNs(queue, nowNs),
                    forecast.firstTokenNs(queue, nowNs),
                    terms.firstTokenTargetNs()));
        }
        classes.sort(Comparator.comparing(Outlook.OfClass::name));
        double load = forecast.isCrowded() ? offered : Math.min(offered, occupancy());
        double tokenNs = forecast.load().outputTokenNs();
        double tokensPerSecond = tokenNs <= 0 ? Double.NaN : workRate * SECOND_NS / tokenNs;
        return new Outlook(load, tokensPerSecond, backlog, List.copyOf(classes));
    }

    /// As long as everything starts at once, no more is asked for than there is, whatever it was expected to take: a
    /// sequence that is computed alone costs far more than its part of a full batch.
    private double occupancy() {
        WaitForecast.Load load = forecast.load();
        double seats = 1 - (double) load.freeSeats() / limits.sequencesMax();
        double blocks = 1 - (double) load.freeBlocks() / limits.blockCount();
        return Math.clamp(Math.max(seats, blocks), 0, 1);
    }
}

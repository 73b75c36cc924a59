package io.sluice.server.metrics;

import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Decides which tenants have figures of their own: those with most traffic. All others share one place,
/// `other`; nothing is ever lost or counted twice on the way between. Any thread; each call holds the table
/// for a moment.
///
/// Who is rising among the others is watched by the space-saving method (Metwally, Agrawal, El Abbadi 2005), which
/// finds the heaviest of any number of tenants with a fixed number of counters.
public final class TenantTable {
    static final String OTHER = "other";

    /// A newcomer must have had this much more traffic than whom it replaces, or equals would take turns.
    private static final double CLEARLY_MORE = 1.25;

    /// Watched tenants per shown one, and at least so many: those with less than one part in a thousand are no
    /// candidates.
    private static final int WATCHED_PER_SHOWN = 8;

    private static final int WATCHED_MIN = 1000;

    private final int shownMax;
    private final int watchedMax;
    private final Map<String, Shown> shown = new LinkedHashMap<>();
    private final Map<String, Watched> watched = new HashMap<>();
    private final TenantCounts other = new TenantCounts();

    private static final class Shown {
        private final TenantCounts counts = new TenantCounts();
        private double traffic;
    }

    /// @param count its traffic, or more by at most `error`
    private record Watched(double count, double error) {
        double atLeast() {
            return count - error;
        }
    }

    public TenantTable(int shownMax) {
        this.shownMax = shownMax;
        this.watchedMax = Math.max(WATCHED_MIN, WATCHED_PER_SHOWN * shownMax);
    }

    /// Changes a tenant's figures.
    ///
    /// @param traffic what the change says about how much the tenant sends, in tokens and requests
    synchronized void change(String tenant, long traffic, Consumer<TenantCounts> change) {
        Shown own = shown.get(tenant);
        if (own == null && shown.size() < shownMax) own = show(tenant, 0);
        if (own == null && traffic > 0) own = rise(tenant, traffic);
        else if (own != null) own.traffic += traffic;
        change.accept(own == null ? other : own.counts);
    }

    private Shown show(String tenant, double traffic) {
        Shown fresh = new Shown();
        fresh.traffic = traffic;
        shown.put(tenant, fresh);
        return fresh;
    }

    /// Counts the traffic of a tenant that is not shown.
    ///
    /// @return its place if it has earned one by that, else null
    private @Nullable Shown rise(String tenant, long traffic) {
        Watched before = watched.get(tenant);
        if (before == null) before = watched.size() < watchedMax ? new Watched(0, 0) : takeLeastWatched();
        Watched now = new Watched(before.count() + traffic, before.error());
        Map.Entry<String, Shown> least = shown.entrySet().stream()
                .min(Comparator.comparingDouble(entry -> entry.getValue().traffic))
                .orElseThrow();
        if (now.atLeast() <= CLEARLY_MORE * least.getValue().traffic) {
            watched.put(tenant, now);
            return null;
        }
        watched.remove(tenant);
        other.add(least.getValue().counts);
        shown.remove(least.getKey());
        watched.put(least.getKey(), new Watched(least.getValue().traffic, 0));
        return show(tenant, now.atLeast());
    }

    private Watched takeLeastWatched() {
        Map.Entry<String, Watched> least = watched.entrySet().stream()
                .min(Comparator.comparingDouble(entry -> entry.getValue().count()))
                .orElseThrow();
        watched.remove(least.getKey());
        return new Watched(least.getValue().count(), least.getValue().count());
    }

    /// Hands over everybody's figures, `other` last. They must not be kept.
    synchronized void forEach(BiConsumer<String, TenantCounts> reader) {
        shown.forEach((tenant, own) -> reader.accept(tenant, own.counts));
        reader.accept(OTHER, other);
    }
}

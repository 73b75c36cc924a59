package io.sluice.benchmarks.traffic;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Decides which of several instances a request goes to, from what was sent to each before: routers in
/// front of servers know no more. One thread; one use.
final class Router {

    /// Prompt beginnings that are remembered, the least recently used forgotten first; some hundred bytes each.
    private static final int BEGINNINGS_MAX = 1 << 20;

    /// An instance that knows a prompt's beginning is passed over if it has so much more to do than the
    /// least busy.
    private static final double IMBALANCE_NS = 2e9;

    /// What is looked at.
    enum Rule {
        /// Where most of the prompt was computed before, unless too much is waiting there.
        CACHE_AWARE("cache-aware"),
        /// Where the least is left to do.
        LEAST_LOADED("least-loaded"),
        ROUND_ROBIN("round-robin");

        private final String word;

        Rule(String word) {
            this.word = word;
        }

        static final List<String> NAMES = List.of(CACHE_AWARE.word, LEAST_LOADED.word, ROUND_ROBIN.word);

        static Optional<Rule> of(String word) {
            for (Rule rule : values()) {
                if (rule.word.equals(word)) return Optional.of(rule);
            }
            return Optional.empty();
        }

        @Override
        public String toString() {
            return word;
        }
    }

    private final Rule rule;
    private final DeviceModel device;
    private final double[] busyUntilNs; // [instance], as far as the router can guess
    private final Map<Long, Integer> known = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Integer> eldest) {
            return size() > BEGINNINGS_MAX;
        }
    };
    private int next;

    Router(Rule rule, DeviceModel device, int instances) {
        this.rule = rule;
        this.device = device;
        busyUntilNs = new double[instances];
    }

    /// The instance for a request; requests come in order of arrival.
    int choose(TrafficRequest request) {
        long nowNs = request.arrivalNs();
        int least = least();
        int chosen = switch (rule) {
            case ROUND_ROBIN -> next++ % busyUntilNs.length;
            case LEAST_LOADED -> least;
            case CACHE_AWARE -> knowing(request, least, nowNs);
        };
        remember(request, chosen);
        busyUntilNs[chosen] = Math.max(busyUntilNs[chosen], (double) nowNs) + device.roofNs(request.row());
        return chosen;
    }

    private int least() {
        int least = 0;
        for (int i = 1; i < busyUntilNs.length; i++) {
            if (busyUntilNs[i] < busyUntilNs[least]) least = i;
        }
        return least;
    }

    private int knowing(TrafficRequest request, int least, long nowNs) {
        List<Integer> ids = request.row().hashIds();
        int best = least;
        long beginning = request.scope().salt();
        double leastNs = Math.max(busyUntilNs[least], (double) nowNs);
        for (int id : ids) {
            beginning = Mix.of(beginning, id);
            Integer where = known.get(beginning);
            if (where == null) break;
            if (busyUntilNs[where] <= leastNs + IMBALANCE_NS) best = where;
        }
        return best;
    }

    private void remember(TrafficRequest request, int chosen) {
        if (rule != Rule.CACHE_AWARE) return;
        long beginning = request.scope().salt();
        for (int id : request.row().hashIds()) {
            beginning = Mix.of(beginning, id);
            known.put(beginning, chosen);
        }
    }
}

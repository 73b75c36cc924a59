package io.sluice.batching;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// How near the engines are to what they can do: what decides about more or fewer of them. A value.
///
/// @param load the work that clients ask for lately, refused or not, over what can be done; 1 is all of it
/// @param tokensPerSecond output tokens that can be computed at most, by what the largest batches so far took; not a
/// number before the first step
/// @param backlog engines that it would take to start all that waits within its class's target
/// @param classes of which requests have come, in order of name
public record Outlook(double load, double tokensPerSecond, double backlog, List<OfClass> classes) {

    /// Of an engine that has ended.
    static final Outlook NOTHING = new Outlook(0, 0, 0, List.of());

    /// One class's.
    ///
    /// @param waitNs until a request would start that comes now, behind all of its class
    /// @param firstTokenNs until its first token
    /// @param targetNs the longest that its class allows
    public record OfClass(String name, long waitNs, long firstTokenNs, long targetNs) {
        private OfClass and(OfClass other) {
            return new OfClass(
                    name,
                    Math.min(waitNs, other.waitNs),
                    Math.min(firstTokenNs, other.firstTokenNs),
                    Math.min(targetNs, other.targetNs));
        }

        /// The part of the target that is used up; more than 1 breaks it.
        public double used() {
            return (double) firstTokenNs / targetNs;
        }
    }

    /// More than 1 means that somebody will wait for longer than promised, or be refused: at once, or soon if the load
    /// stays what it is.
    public double saturation() {
        double most = load;
        for (OfClass one : classes) most = Math.max(most, one.used());
        return most;
    }

    /// Output tokens per second that could be computed in addition.
    public double headroom() {
        return Math.max(0, 1 - load) * tokensPerSecond;
    }

    /// How many such servers it would take, as a fraction that is to be added up over all of them.
    ///
    /// @param loadWanted the load that each is to have
    public double replicas(double loadWanted) {
        return load / loadWanted + backlog;
    }

    /// Of several engines that serve the same: a request goes to whichever is best for it.
    static Outlook together(List<Outlook> all) {
        if (all.isEmpty()) return NOTHING;
        Map<String, OfClass> classes = new TreeMap<>();
        for (Outlook one : all) one.classes.forEach(its -> classes.merge(its.name(), its, OfClass::and));
        return new Outlook(
                all.stream().mapToDouble(Outlook::load).average().orElse(0),
                all.stream().mapToDouble(Outlook::tokensPerSecond).sum(),
                all.stream().mapToDouble(Outlook::backlog).sum() / all.size(),
                List.copyOf(classes.values()));
    }
}

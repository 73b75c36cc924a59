package io.sluice.batching;

import java.time.Duration;
import java.util.List;

/// What an operator promises one kind of traffic, and what it costs the others. A value; the constructor is the proof
/// of validity.
///
/// @param name unique among the classes of a policy
/// @param rank classes of a lower rank go first, as far as the floors of others allow
/// @param guaranteed a request reserves blocks for its longest possible output before it starts, and is never preempted
/// @param parkable running requests give way to waiting ones of a lower rank: their blocks go to host memory and return
/// @param reserveQuantile which quantile of its tenant's output lengths a request reserves blocks for, in (0, 1]
/// @param floor the part of the engine's time that the class gets while it has work, whatever its rank; in [0, 1)
/// @param agingNs a request that has waited this long counts as one rank lower, after twice as long as two, and so on
/// @param firstTokenTargetNs the longest predicted time to the first token; a request that would wait longer is refused
/// @param tokenGapTargetNs the longest step while a request of the class runs; `NO_TARGET` leaves it to the engine
/// @param waitingMax the most admitted requests of the class that have not started, whatever is predicted
public record TrafficClass(
        String name,
        int rank,
        boolean guaranteed,
        boolean parkable,
        double reserveQuantile,
        double floor,
        long agingNs,
        long firstTokenTargetNs,
        long tokenGapTargetNs,
        int waitingMax) {

    /// `tokenGapTargetNs` of a class that names none.
    public static final long NO_TARGET = Long.MAX_VALUE;

    /// The most requests of one class that any policy may let wait.
    public static final int WAITING_LIMIT = 1 << 20;

    private static final long MINUTE_NS = Duration.ofMinutes(1).toNanos();

    /// Requests whose memory and seat are certain once they have started.
    public static final TrafficClass GUARANTEED =
            new TrafficClass("guaranteed", 0, true, false, 1.0, 0.1, MINUTE_NS, seconds(10), NO_TARGET, WAITING_LIMIT);

    /// People who wait for the next word.
    public static final TrafficClass INTERACTIVE = new TrafficClass(
            "interactive", 1, false, false, 0.95, 0.1, MINUTE_NS, seconds(10), NO_TARGET, WAITING_LIMIT);

    /// Everything that nobody thought about.
    public static final TrafficClass STANDARD =
            new TrafficClass("standard", 2, false, false, 0.9, 0.1, MINUTE_NS, seconds(60), NO_TARGET, WAITING_LIMIT);

    /// Work that may take its time, and gives way.
    public static final TrafficClass BATCH =
            new TrafficClass("batch", 3, false, true, 0.8, 0.05, MINUTE_NS, seconds(3600), NO_TARGET, WAITING_LIMIT);

    /// The classes that exist without a policy.
    public static final List<TrafficClass> BUILT_IN = List.of(GUARANTEED, INTERACTIVE, STANDARD, BATCH);

    public TrafficClass {
        require(!name.isBlank(), "name", "must not be empty");
        require(rank >= 0 && rank <= 100, "rank", "must be between 0 and 100, got " + rank);
        require(!guaranteed || !parkable, "parkable", "cannot be true of a guaranteed class");
        require(
                reserveQuantile > 0 && reserveQuantile <= 1,
                "reserve",
                "must be more than 0 and at most 1, got " + reserveQuantile);
        require(floor >= 0 && floor < 1, "floor", "must be at least 0 and less than 1, got " + floor);
        require(agingNs > 0, "aging", "must be more than nothing");
        require(firstTokenTargetNs > 0, "ttft", "must be more than nothing");
        require(tokenGapTargetNs > 0, "itl", "must be more than nothing");
        require(
                waitingMax >= 1 && waitingMax <= WAITING_LIMIT,
                "max-waiting",
                "must be between 1 and " + WAITING_LIMIT + ", got " + waitingMax);
    }

    private static void require(boolean holds, String field, String problem) {
        if (!holds) throw new InvalidPolicy(field, problem);
    }

    private static long seconds(long count) {
        return Duration.ofSeconds(count).toNanos();
    }
}

package io.sluice.batching;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// What the engine was doing after its latest step. An immutable snapshot; any thread.
///
/// @param running sequences that own blocks
/// @param waiting admitted sequences that own none now
/// @param parked of those, the ones whose blocks are in host memory
/// @param paused of all, the ones that stand still until their reader has caught up
/// @param blocks the KV cache
/// @param work what was done so far
/// @param speculated what was proposed so far, and what became of it
/// @param classes of which requests have come, in order of name
/// @param stepTokens tokens in the latest step
/// @param stepNs duration of the latest step, plan to apply
/// @param latestStepEndNs engine-clock moment at which the latest step ended
public record EngineStats(
        int running,
        int waiting,
        int parked,
        int paused,
        Blocks blocks,
        Work work,
        Speculated speculated,
        List<ClassLoad> classes,
        int stepTokens,
        long stepNs,
        long latestStepEndNs) {

    /// KV blocks by what they hold.
    ///
    /// @param free those that hold nothing live (they may hold reusable prefixes)
    /// @param used those that running sequences refer to
    /// @param cached free ones that hold a reusable prefix
    /// @param expected the most that will be in use, as far as is expected of what runs
    /// @param leaked those that are counted as used and belong to no sequence: none, if all is well
    /// @param hostUsed host blocks that parked sequences hold
    public record Blocks(int free, int used, int cached, int expected, int leaked, int hostUsed) {
        private Blocks and(Blocks other) {
            return new Blocks(
                    free + other.free,
                    used + other.used,
                    cached + other.cached,
                    expected + other.expected,
                    leaked + other.leaked,
                    hostUsed + other.hostUsed);
        }
    }

    /// What was done since the engine started.
    ///
    /// @param steps steps computed
    /// @param computedTokens tokens computed, recomputation included
    /// @param promptTokens prompt tokens of the sequences that started
    /// @param cachedTokens of those, taken from the prefix cache
    /// @param sampledTokens output tokens
    /// @param preemptions sequences that lost their blocks and were computed again
    /// @param guaranteedPreemptions guaranteed sequences that lost their blocks: none, if all is well
    /// @param parks sequences whose blocks went to host memory
    /// @param pauses sequences that stood still because their reader did
    /// @param failedSlices sequences that a step could not compute
    /// @param deviceNs time of steps that was charged to requests
    /// @param unattributedNs time of steps that was for nobody who was left
    /// @param blockNs KV blocks in use, times how long
    public record Work(
            long steps,
            long computedTokens,
            long promptTokens,
            long cachedTokens,
            long sampledTokens,
            long preemptions,
            long guaranteedPreemptions,
            long parks,
            long pauses,
            long failedSlices,
            long deviceNs,
            long unattributedNs,
            long blockNs) {
        private Work and(Work other) {
            return new Work(
                    steps + other.steps,
                    computedTokens + other.computedTokens,
                    promptTokens + other.promptTokens,
                    cachedTokens + other.cachedTokens,
                    sampledTokens + other.sampledTokens,
                    preemptions + other.preemptions,
                    guaranteedPreemptions + other.guaranteedPreemptions,
                    parks + other.parks,
                    pauses + other.pauses,
                    failedSlices + other.failedSlices,
                    deviceNs + other.deviceNs,
                    unattributedNs + other.unattributedNs,
                    blockNs + other.blockNs);
        }
    }

    /// Tokens that were proposed to sequences since the engine started, and why none were.
    ///
    /// @param drafts times that tokens were proposed to a sequence
    /// @param proposed tokens that were
    /// @param accepted of those, the ones that were right, each a token that needed no step of its own
    /// @param acceptedAt the same by their place among those proposed at once, from 0
    /// @param heldByLoad times that none were because so many wrote that none could pay
    /// @param heldByAcceptance times that none were because too few of the sequence's had been right
    /// @param heldByPrompts times that none were because prompts had the step's time
    /// @param nothingFound times that none were because there was nothing to guess from
    /// @param acceptance how likely one is to be right lately; 0 if none are proposed
    public record Speculated(
            long drafts,
            long proposed,
            long accepted,
            Counts acceptedAt,
            long heldByLoad,
            long heldByAcceptance,
            long heldByPrompts,
            long nothingFound,
            double acceptance) {
        private Speculated and(Speculated other) {
            return new Speculated(
                    drafts + other.drafts,
                    proposed + other.proposed,
                    accepted + other.accepted,
                    acceptedAt.and(other.acceptedAt),
                    heldByLoad + other.heldByLoad,
                    heldByAcceptance + other.heldByAcceptance,
                    heldByPrompts + other.heldByPrompts,
                    nothingFound + other.nothingFound,
                    Math.max(acceptance, other.acceptance));
        }
    }

    /// A row of counts. A value.
    public static final class Counts {
        private final long[] counts;

        Counts(long[] own) {
            counts = own;
        }

        private Counts and(Counts other) {
            long[] sums = counts.clone();
            for (int i = 0; i < sums.length; i++) sums[i] += other.counts[i];
            return new Counts(sums);
        }

        public long at(int index) {
            return counts[index];
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Counts that && Arrays.equals(counts, that.counts);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(counts);
        }

        @Override
        public String toString() {
            return Arrays.toString(counts);
        }
    }

    /// One class's load.
    ///
    /// @param running its sequences that own blocks
    /// @param waitingRequests its admitted requests that have not started
    /// @param waitNs how long a request would wait now behind all of its class, as predicted
    public record ClassLoad(String name, int running, int waitingRequests, long waitNs) {
        private ClassLoad and(ClassLoad other) {
            return new ClassLoad(
                    name,
                    running + other.running,
                    waitingRequests + other.waitingRequests,
                    Math.min(waitNs, other.waitNs));
        }
    }

    /// The same once the engine has ended, whose latest snapshot is of before: what was done remains, and there is
    /// nothing that runs, waits or is free.
    EngineStats ended() {
        return new EngineStats(
                0,
                0,
                0,
                0,
                new Blocks(0, 0, 0, 0, 0, 0),
                work,
                speculated,
                List.of(),
                stepTokens,
                stepNs,
                latestStepEndNs);
    }

    /// Of two engines that serve the same together: what they have is added up; a wait is the shorter one,
    /// the latest step the later.
    EngineStats and(EngineStats other) {
        Map<String, ClassLoad> loads = new TreeMap<>();
        classes.forEach(load -> loads.merge(load.name(), load, ClassLoad::and));
        other.classes.forEach(load -> loads.merge(load.name(), load, ClassLoad::and));
        EngineStats later = latestStepEndNs >= other.latestStepEndNs ? this : other;
        return new EngineStats(
                running + other.running,
                waiting + other.waiting,
                parked + other.parked,
                paused + other.paused,
                blocks.and(other.blocks),
                work.and(other.work),
                speculated.and(other.speculated),
                List.copyOf(loads.values()),
                later.stepTokens,
                later.stepNs,
                later.latestStepEndNs);
    }
}

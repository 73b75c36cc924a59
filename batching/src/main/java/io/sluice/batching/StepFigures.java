package io.sluice.batching;

import java.util.Arrays;

/// What the steps of an engine were like since it started. A value.
///
/// @param durations in nanoseconds, plan to apply
/// @param sequences of each step
/// @param tokens of each step
/// @param planNs spent on plans, while the device had nothing to do
/// @param deviceNs spent on waiting for the device
/// @param applyNs spent on taking results in, tokens to their readers
public record StepFigures(Spread durations, Spread sequences, Spread tokens, long planNs, long deviceNs, long applyNs) {

    /// How values are spread. A value; the arrays must not be changed.
    ///
    /// @param bounds upper ones, ascending
    /// @param counts per bound, and one more for what lies above all; not cumulative
    /// @param sum of all values
    @SuppressWarnings("ArrayRecordComponent") // read once, by whoever asked
    public record Spread(long[] bounds, long[] counts, long sum) {
        Spread and(Spread other) {
            long[] both = counts.clone();
            Arrays.setAll(both, i -> both[i] + other.counts[i]);
            return new Spread(bounds, both, sum + other.sum);
        }

        /// How many values there were.
        public long count() {
            return Arrays.stream(counts).sum();
        }
    }

    /// Of two engines that serve the same together.
    StepFigures and(StepFigures other) {
        return new StepFigures(
                durations.and(other.durations),
                sequences.and(other.sequences),
                tokens.and(other.tokens),
                planNs + other.planNs,
                deviceNs + other.deviceNs,
                applyNs + other.applyNs);
    }
}

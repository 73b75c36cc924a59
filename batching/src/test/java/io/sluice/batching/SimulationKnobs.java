package io.sluice.batching;

import java.util.SplittableRandom;

/// What kind of run a seed stands for. Drawn anew for each seed, with every kind of trouble switched off in about half
/// of the runs, so that some runs are nothing but one kind.
record SimulationKnobs(
        ModelLimits limits,
        EngineSettings settings,
        int hashBits,
        int requestCount,
        int saltCount,
        int choicesMax,
        int promptMax,
        int outputMax,
        double burst,
        double cancelRate,
        double deadlineRate,
        double notFiniteRate,
        double stepFailureRate,
        int closeTurn,
        int drainTurn,
        int deviceLossStep) {

    private static final int NEVER = Integer.MAX_VALUE;

    static SimulationKnobs draw(SplittableRandom random) {
        int blockSize = 1 << random.nextInt(4);
        int contextMax = random.nextInt(8, 72);
        int fit = Math.ceilDiv(contextMax, blockSize);
        // From too small for the longest request to plenty.
        int blockCount = Math.max(1, fit * random.nextInt(3, 11) / 4);
        int sequencesMax = random.nextInt(1, 9);
        int stepTokensMax = sequencesMax + random.nextInt(24);
        var limits = new ModelLimits(
                blockCount, blockSize, contextMax, stepTokensMax, sequencesMax, random.nextInt(4, 60), 0);
        int sliceMax = random.nextInt(3) == 0 ? random.nextInt(1, 6) : random.nextInt(1, 40);
        var settings = new EngineSettings(random.nextInt(1, 20), random.nextInt(5) > 0, sliceMax);
        return new SimulationKnobs(
                limits,
                settings,
                random.nextInt(3) == 0 ? random.nextInt(4) : 64,
                random.nextInt(2, 24),
                random.nextInt(1, 4),
                random.nextBoolean() ? 1 : random.nextInt(2, 6),
                random.nextBoolean() ? random.nextInt(2, contextMax + 4) : random.nextInt(2, contextMax / 2),
                random.nextInt(1, contextMax + 2),
                random.nextDouble(),
                rate(random, 0.4),
                rate(random, 0.5),
                rate(random, 0.02),
                rate(random, 0.03),
                random.nextInt(12) == 0 ? random.nextInt(1, 60) : NEVER,
                random.nextInt(12) == 0 ? random.nextInt(1, 60) : NEVER,
                random.nextInt(16) == 0 ? random.nextInt(60) : NEVER);
    }

    private static double rate(SplittableRandom random, double max) {
        return random.nextBoolean() ? 0 : random.nextDouble(max);
    }
}

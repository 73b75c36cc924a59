package io.sluice.batching;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// What kind of run a seed stands for. Drawn anew for each seed, with every kind of trouble switched off in
/// about half of the runs, so that some runs are nothing but one kind.
record SimulationKnobs(
        ModelLimits limits,
        EngineSettings settings,
        int hashBits,
        int requestCount,
        List<Tenant> tenants,
        List<TrafficClass> classes,
        int choicesMax,
        int promptMax,
        int outputMax,
        double burst,
        double sharedPrefixRate,
        double cancelRate,
        double slowRate,
        double deadlineRate,
        double notFiniteRate,
        double stepFailureRate,
        int closeTurn,
        int drainTurn,
        int deviceLossStep,
        boolean isOptimist) {

    private static final int NEVER = Integer.MAX_VALUE;

    static SimulationKnobs draw(SplittableRandom random) {
        int blockSize = 1 << random.nextInt(4);
        int contextMax = random.nextInt(8, 72);
        int fit = Math.ceilDiv(contextMax, blockSize);
        // From too small for the longest request to plenty.
        int blockCount = Math.max(1, fit * random.nextInt(3, 9) / 4);
        int hostBlockCount = random.nextInt(5) < 2 ? 0 : random.nextInt(1, 2 * blockCount + 1);
        int sequencesMax = random.nextInt(1, 9);
        int stepTokensMax = sequencesMax + random.nextInt(24);
        int sliceMax = random.nextInt(3) == 0 ? random.nextInt(1, 6) : random.nextInt(1, 40);
        int lagMax = random.nextInt(3) == 0 ? 1000 : random.nextInt(1, 12);
        return new SimulationKnobs(
                new ModelLimits(
                        blockCount,
                        blockSize,
                        contextMax,
                        stepTokensMax,
                        sequencesMax,
                        random.nextInt(4, 60),
                        hostBlockCount),
                new EngineSettings(
                        random.nextInt(1, 20), random.nextInt(5) > 0, sliceMax, lagMax, random.nextInt(20, 200)),
                random.nextInt(3) == 0 ? random.nextInt(4) : 64,
                random.nextInt(2, 24),
                tenants(random),
                classes(random),
                random.nextBoolean() ? 1 : random.nextInt(2, 6),
                random.nextBoolean() ? random.nextInt(2, contextMax + 4) : random.nextInt(2, contextMax / 2),
                random.nextInt(1, contextMax + 2),
                random.nextDouble(),
                rate(random, 1),
                rate(random, 0.4),
                rate(random, 0.6),
                rate(random, 0.5),
                rate(random, 0.02),
                rate(random, 0.05),
                random.nextInt(12) == 0 ? random.nextInt(1, 60) : NEVER,
                random.nextInt(12) == 0 ? random.nextInt(1, 60) : NEVER,
                random.nextInt(16) == 0 ? random.nextInt(60) : NEVER,
                random.nextInt(4) > 0);
    }

    private static List<Tenant> tenants(SplittableRandom random) {
        var tenants = new ArrayList<Tenant>();
        int count = random.nextInt(1, 5);
        boolean shares = random.nextInt(3) == 0;
        for (int i = 0; i < count; i++) {
            double ceiling = shares && random.nextBoolean() ? random.nextDouble(0.3, 1) : 1;
            double floor = shares && random.nextBoolean() ? random.nextDouble(0, Math.min(ceiling, 0.9 / count)) : 0;
            tenants.add(new Tenant("tenant-" + i, random.nextDouble(0.1, 10), floor, ceiling));
        }
        return tenants;
    }

    /// Some of the built-in kinds, with terms of their own. Times are a few turns long.
    private static List<TrafficClass> classes(SplittableRandom random) {
        if (random.nextInt(6) == 0) return List.of(TrafficClass.STANDARD);
        var classes = new ArrayList<TrafficClass>();
        boolean tight = random.nextInt(4) == 0;
        for (TrafficClass kind : TrafficClass.BUILT_IN) {
            classes.add(new TrafficClass(
                    kind.name(),
                    kind.rank(),
                    kind.guaranteed(),
                    kind.parkable(),
                    random.nextDouble(0.1, 1),
                    random.nextBoolean() ? 0 : random.nextDouble(0.2),
                    random.nextInt(4, 400),
                    tight ? random.nextInt(4, 200) : kind.firstTokenTargetNs(),
                    random.nextInt(4) == 0 ? random.nextInt(1, 20) : TrafficClass.NO_TARGET,
                    kind.waitingMax()));
        }
        return classes;
    }

    private static double rate(SplittableRandom random, double max) {
        return random.nextBoolean() ? 0 : random.nextDouble(max);
    }
}

package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The engine in deterministic simulation. `-Dsluice.simulation.seeds=100000` makes the run a long one;
/// `-Dsluice.simulation.seed=7` replays one seed.
class SimulationTest {
    private static final int SEEDS = Integer.getInteger("sluice.simulation.seeds", 4000);
    private static final int SEEDS_PER_RANGE = Math.min(SEEDS, Math.max(1000, SEEDS / 10));

    private static final Logger ENGINE_LOG = Logger.getLogger(EngineLoop.class.getName());

    @BeforeAll
    static void injectedFailuresAreNotNews() {
        ENGINE_LOG.setLevel(Level.OFF);
    }

    @AfterAll
    static void failuresAreNewsAgain() {
        ENGINE_LOG.setLevel(null);
    }

    @Test
    void everySeedKeepsEveryInvariantAndEveryAnswer() {
        Long replayed = Long.getLong("sluice.simulation.seed");
        if (replayed != null) {
            System.out.println(run(replayed));
            return;
        }
        for (int first = 0; first < SEEDS; first += SEEDS_PER_RANGE) {
            int end = Math.min(SEEDS, first + SEEDS_PER_RANGE);
            var exercised = new Exercised();
            for (long seed = first; seed < end; seed++) exercised.add(run(seed));
            System.out.printf("seeds [%d, %d): %s%n", first, end, exercised);
            assertExercised(exercised, end - first);
        }
    }

    /// A range of seeds that does not meet what it is for proves nothing.
    private static void assertExercised(Exercised exercised, int seeds) {
        assertThat(exercised.preemptions).as("preemptions").isGreaterThan(seeds / 5);
        assertThat(exercised.parks).as("parks").isGreaterThan(seeds / 5);
        assertThat(exercised.pauses).as("pauses").isGreaterThan(seeds / 2);
        assertThat(exercised.endings(FinishReason.STALLED))
                .as("stalled readers")
                .isGreaterThan(seeds / 20);
        assertThat(exercised.constrained).as("constrained choices").isGreaterThan(seeds / 2);
        assertThat(exercised.forks).as("forks").isGreaterThan(seeds / 2);
        assertThat(exercised.cachedTokens).as("prefix hits").isGreaterThan(seeds * 5L);
        assertThat(exercised.endings(FinishReason.CANCELLED))
                .as("cancellations")
                .isGreaterThan(seeds / 2);
        assertThat(exercised.endings(FinishReason.EXPIRED)).as("expiries").isGreaterThan(seeds / 4);
        assertThat(exercised.endings(FinishReason.FAILED)).as("failures").isGreaterThan(seeds / 4);
        assertThat(exercised.endings(FinishReason.STOP)).as("stops").isGreaterThan(seeds / 2);
        assertThat(exercised.endings(FinishReason.LENGTH)).as("full lengths").isGreaterThan(seeds / 2);
        assertThat(exercised.stepFailures).as("failed steps").isGreaterThan(seeds / 10);
        assertThat(exercised.refusals).as("refusals").isGreaterThan(seeds / 2);
        assertThat(exercised.followUps).as("steps that followed one under way").isGreaterThan(seeds * 2L);
        assertThat(exercised.discarded).as("discarded tokens").isGreaterThan(seeds / 10);
        assertThat(exercised.accepted).as("right guesses").isGreaterThan(seeds * 2L);
        assertThat(exercised.proposed - exercised.accepted).as("wrong guesses").isGreaterThan(seeds * 2L);
        assertThat(exercised.proposedUnderConstraint)
                .as("guesses under a constraint")
                .isGreaterThan(seeds / 10);
        assertThat(exercised.engineEnds).as("engine ends").isGreaterThan(seeds / 40);
    }

    @Test
    void theSameSeedTwiceMakesTheSamePlans() throws Exception {
        for (long seed = 0; seed < 200; seed++)
            assertThat(trace(seed)).as("seed " + seed).isEqualTo(trace(seed));
        assertThat(trace(1)).isNotEqualTo(trace(2));
    }

    private static long trace(long seed) throws Exception {
        var simulation = new Simulation(seed, SimulatedParts.REAL);
        simulation.run();
        return simulation.trace();
    }

    private static Exercised run(long seed) {
        try {
            return new Simulation(seed, SimulatedParts.REAL).run();
        } catch (Throwable failure) {
            String replay = "./mvnw -B -pl batching test -Dtest=SimulationTest -Dsluice.simulation.seed=";
            throw new AssertionError("seed " + seed + " failed; replay it with: " + replay + seed, failure);
        }
    }
}

package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The simulation finds bugs that were planted by hand. Prints which check found each, and at which seed.
class MutantTest {
    private static final int SEEDS = 2000;
    private static final Logger ENGINE_LOG = Logger.getLogger(EngineLoop.class.getName());

    @BeforeAll
    static void injectedFailuresAreNotNews() {
        ENGINE_LOG.setLevel(Level.OFF);
    }

    @AfterAll
    static void failuresAreNewsAgain() {
        ENGINE_LOG.setLevel(null);
    }

    @ParameterizedTest
    @EnumSource
    void theSimulationCatchesBugsInMemory(MemoryMutant mutant) throws Exception {
        assertCaught(mutant);
    }

    @ParameterizedTest
    @EnumSource
    void theSimulationCatchesBugsInScheduling(ScheduleMutant mutant) throws Exception {
        assertCaught(mutant);
    }

    private static void assertCaught(SimulatedParts mutant) throws Exception {
        for (long seed = 0; seed < SEEDS; seed++) {
            try {
                new Simulation(seed, mutant).run();
            } catch (SimulationFailure | Exception caught) {
                System.out.printf("%s: caught at seed %d by: %s%n", mutant, seed, caught.getMessage());
                // The seed finds the bug, not something that is there without it.
                assertThat(new Simulation(seed, SimulatedParts.REAL).run().runs).isEqualTo(1);
                return;
            }
        }
        throw new AssertionError(mutant + " survived " + SEEDS + " seeds");
    }
}

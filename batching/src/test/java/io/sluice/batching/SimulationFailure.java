package io.sluice.batching;

/// Something that must never happen, happened in a simulation. Its message names the check.
final class SimulationFailure extends AssertionError {
    private SimulationFailure(String message) {
        super(message);
    }

    static void check(boolean holds, String message) {
        if (!holds) throw new SimulationFailure(message);
    }
}

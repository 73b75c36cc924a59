package io.sluice.benchmarks.traffic;

/// A trace that cannot be replayed as it stands. The message names the file, the line and what is wrong with
/// it.
public final class BrokenTrace extends RuntimeException {
    BrokenTrace(String message) {
        super(message);
    }

    static BrokenTrace at(String file, int line, String problem) {
        return new BrokenTrace(file + ", line " + line + ": " + problem);
    }
}

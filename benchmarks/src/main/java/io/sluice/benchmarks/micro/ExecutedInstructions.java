package io.sluice.benchmarks.micro;

/// Counts the instructions that `CountingClasses` made count themselves. One thread counts at a time.
///
/// The one static that is no constant: what is counted with must cost a few instructions and be reached from
/// everywhere.
public final class ExecutedInstructions {

    /// So far; added to by the counted classes.
    @SuppressWarnings("NonFinalStaticField") // see above
    public static long count;

    private ExecutedInstructions() {}
}

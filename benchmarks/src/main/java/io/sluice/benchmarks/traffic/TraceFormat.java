package io.sluice.benchmarks.traffic;

/// How one kind of trace writes its rows. Made for one file, read from top to bottom by one thread.
interface TraceFormat {

    /// Reads one row.
    ///
    /// @throws IllegalArgumentException with what is wrong with the line
    Row parse(String line);

    /// A row as the file has it.
    ///
    /// @param atNs on the file's own clock, whatever that begins with
    record Row(long atNs, TraceRow row) {}
}

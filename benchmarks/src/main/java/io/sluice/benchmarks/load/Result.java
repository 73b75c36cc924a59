package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.GapLog;
import io.sluice.benchmarks.traffic.Timing;
import java.util.Optional;

/// What became of one request, counted from the moment at which it was meant to be sent. A value.
///
/// @param lagNs by how much later it was really sent for the first time: the generator's own fault
/// @param attempts how often it was sent
/// @param last what came of the last attempt
/// @param timing if it was answered
/// @param gaps between its tokens
record Result(Ask ask, long intendedNs, long lagNs, int attempts, Attempt last, Optional<Timing> timing, GapLog gaps) {}

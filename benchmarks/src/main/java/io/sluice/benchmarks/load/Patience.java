package io.sluice.benchmarks.load;

import java.time.Duration;

/// What clients do when they are refused. A value.
///
/// @param obeys they come back when the server says so, and not if it does not say
/// @param most the longest time after which they still come back
record Patience(boolean obeys, Duration most) {
    static final Patience NONE = new Patience(false, Duration.ZERO);
}

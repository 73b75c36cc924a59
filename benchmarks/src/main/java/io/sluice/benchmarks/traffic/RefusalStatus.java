package io.sluice.benchmarks.traffic;

import io.sluice.batching.Admission;
import java.util.Locale;

/// Which HTTP status a refusal has. Any thread.
final class RefusalStatus {
    private RefusalStatus() {}

    static int of(Admission.Reason reason) {
        return switch (reason) {
            case NEVER_FITS -> 400;
            case DEADLINE_PASSED, DEADLINE_TOO_SOON -> 504;
            case QUEUE_FULL, NO_CAPACITY, DRAINING, STOPPED -> 503;
        };
    }

    /// `503 queue full`.
    static String text(Admission.Reason reason) {
        return of(reason) + " " + reason.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}

package io.sluice.benchmarks.traffic;

import io.sluice.batching.Admission;

/// Which HTTP status and code the server gives a refusal. Any thread.
final class RefusalStatus {
    private RefusalStatus() {}

    /// `503 queue_full`.
    static String text(Admission.Reason reason) {
        return switch (reason) {
            case NEVER_FITS -> "400 request_too_large";
            case DEADLINE_PASSED -> "408 deadline_exceeded";
            case DEADLINE_TOO_SOON -> "503 deadline_too_soon";
            case QUEUE_FULL -> "503 queue_full";
            case NO_CAPACITY -> "503 no_capacity";
            case DRAINING -> "503 draining";
            case STOPPED -> "503 engine_stopped";
        };
    }
}

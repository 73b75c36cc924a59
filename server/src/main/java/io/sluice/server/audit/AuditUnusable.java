package io.sluice.server.audit;

/// The audit log cannot be kept or read; the message says why and what to do.
public final class AuditUnusable extends RuntimeException {
    AuditUnusable(String message) {
        super(message);
    }
}

package io.sluice.server;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

/// Says in the log when a step hangs and when it has returned, because the probes give no reasons. One thread.
final class StuckStepLog {
    private static final System.Logger LOG = System.getLogger(StuckStepLog.class.getName());

    private final EngineHealth health;
    private boolean stuck;

    StuckStepLog(EngineHealth health) {
        this.health = health;
    }

    /// To be called now and then.
    void look() {
        boolean now = health.isStuck();
        if (now == stuck) return;
        stuck = now;
        if (stuck) {
            LOG.log(
                    WARNING,
                    "a step has been computing for {0} ms, and may take {1} ms: /readyz says 503 until it returns"
                            + " (--stuck-step-timeout)",
                    Long.toString(health.stepTime().toMillis()),
                    Long.toString(health.stepMax().toMillis()));
        } else {
            LOG.log(INFO, "the step that took so long has returned: /readyz says 200 again");
        }
    }
}

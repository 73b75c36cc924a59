package io.sluice.server.access;

import io.sluice.server.generation.SharedPrefixes;
import io.sluice.server.policy.Policy;

/// The policy that holds now. A reload puts another in its place at once; requests under way keep the one
/// that they began with. Any thread.
public final class PolicyInForce {
    private volatile Snapshot snapshot;

    /// Everything that holds together. A value.
    ///
    /// @param sharedPrefixes the policy's, as tokens
    public record Snapshot(Policy policy, SharedPrefixes sharedPrefixes) {}

    public PolicyInForce(Snapshot first) {
        snapshot = first;
    }

    public Snapshot now() {
        return snapshot;
    }

    public void replace(Snapshot next) {
        snapshot = next;
    }
}

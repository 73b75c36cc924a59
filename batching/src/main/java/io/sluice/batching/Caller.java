package io.sluice.batching;

/// Who asks, and under which promise. A value.
///
/// @param tenant decided by the caller's key alone
/// @param trafficClass the tenant's, or a lower one that the request chose
public record Caller(Tenant tenant, TrafficClass trafficClass) {

    /// Everybody, where no keys are configured.
    public static final Caller ANONYMOUS = new Caller(Tenant.ANONYMOUS, TrafficClass.STANDARD);
}

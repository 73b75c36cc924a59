package io.sluice.server.quota;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/// Decides whether a caller's quotas allow one more request on this instance, and keeps the books of all tenants. Any
/// thread; tenants do not wait for each other.
///
/// Bounded by the tenants that sent something within the last minute: an account is made at a tenant's first request,
/// and is dropped once it has refilled, because a new one would be the same.
public final class Quotas {
    private static final int SWEEP_MIN = 1024;

    private final LongSupplier clock; // nanoseconds
    private final Map<String, TenantAccount> accounts = new ConcurrentHashMap<>();

    /// Accounts at which the next sweep is worth its time: twice as many as the last one left.
    private final AtomicInteger sweepAt = new AtomicInteger(SWEEP_MIN);

    public Quotas(LongSupplier clock) {
        this.clock = clock;
    }

    /// The answer to a request that wants to enter. A value.
    public sealed interface Decision {

        /// It may; the permit must be ended.
        record Entered(QuotaPermit permit) implements Decision {}

        /// It may not; nothing was taken.
        record Refused(QuotaRefusal refusal) implements Decision {}
    }

    /// Takes one request and one place for a caller, before anything costly is done for it.
    ///
    /// @param key whose key was used, if there was one
    /// @param tokensWanted the least that it is known to reserve; refused at once if even that is not there
    public Decision enter(Optional<QuotaHolder> key, QuotaHolder tenant, long tokensWanted) {
        if (tenant.limits().isNone()
                && key.stream().allMatch(holder -> holder.limits().isNone())) {
            return new Decision.Entered(QuotaPermit.unlimited());
        }
        long nowNs = clock.getAsLong();
        TenantAccount.Claim claim = claim(key, tenant, nowNs);
        while (true) {
            TenantAccount account = accounts.computeIfAbsent(tenant.name(), _ -> new TenantAccount());
            switch (account.enter(claim, tokensWanted, nowNs)) {
                case TenantAccount.Entrance.Entered() -> {
                    sweepIfMany(nowNs);
                    return new Decision.Entered(new QuotaPermit(account, claim, clock));
                }
                case TenantAccount.Entrance.Refused(QuotaRefusal refusal) -> {
                    return new Decision.Refused(refusal);
                }
                case TenantAccount.Entrance.Gone() -> accounts.remove(tenant.name(), account);
            }
        }
    }

    /// Where a caller stands now.
    public QuotaRates rates(Optional<QuotaHolder> key, QuotaHolder tenant) {
        TenantAccount.Claim claim = claim(key, tenant, 0);
        // Without an account nothing is taken, as in a new one.
        return accounts.getOrDefault(tenant.name(), new TenantAccount()).look(claim, clock.getAsLong());
    }

    /// A key without limits of its own needs no place in its tenant's books.
    private static TenantAccount.Claim claim(Optional<QuotaHolder> key, QuotaHolder tenant, long nowNs) {
        return new TenantAccount.Claim(
                tenant, key.filter(holder -> !holder.limits().isNone()), nowNs);
    }

    /// Tenants with an account.
    public int accountCount() {
        return accounts.size();
    }

    private void sweepIfMany(long nowNs) {
        int threshold = sweepAt.get();
        if (accounts.size() < threshold || !sweepAt.compareAndSet(threshold, Integer.MAX_VALUE)) return;
        accounts.forEach((name, account) -> {
            if (account.closeIfIdle(nowNs)) accounts.remove(name, account);
        });
        sweepAt.set(Math.max(SWEEP_MIN, 2 * accounts.size()));
    }
}

package io.sluice.server.quota;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// One request's share of its caller's quotas, from its start to its end: it reserves the most that it may
/// take, and gives back what it did not. Ends exactly once, further endings do nothing. Any thread.
public final class QuotaPermit {

    private final @Nullable TenantAccount account; // null without limits
    private final TenantAccount.Claim claim;
    private final LongSupplier clock;
    private long reserved; // guarded by this
    private @Nullable QuotaRates lastRates; // guarded by this; set at the end

    QuotaPermit(TenantAccount account, TenantAccount.Claim claim, LongSupplier clock) {
        this.account = account;
        this.claim = claim;
        this.clock = clock;
    }

    private QuotaPermit() {
        this.account = null;
        this.claim = new TenantAccount.Claim(QuotaHolder.tenant("", QuotaLimits.NONE), Optional.empty(), 0);
        this.clock = () -> 0; // never asked
    }

    /// For a caller without limits.
    public static QuotaPermit unlimited() {
        return new QuotaPermit();
    }

    /// Reserves as many tokens as the request may take at most. Once per request.
    ///
    /// @return why not; the request still holds its place then, until it is withdrawn
    public synchronized Optional<QuotaRefusal> reserve(long tokens) {
        if (account == null || lastRates != null) return Optional.empty();
        Optional<QuotaRefusal> refusal = account.takeTokens(claim, tokens, clock.getAsLong());
        if (refusal.isEmpty()) reserved = tokens;
        return refusal;
    }

    /// The most tokens that could ever be reserved at once.
    public OptionalLong tokensAtOnce() {
        return claim.holders()
                .mapToInt(holder -> holder.limits().tokensPerMinute())
                .filter(limit -> limit != QuotaLimits.UNLIMITED)
                .asLongStream()
                .min();
    }

    /// The request is over and has taken `used` tokens.
    public synchronized void settle(long used) {
        end(Math.max(0, reserved - used), false);
    }

    /// The request was not served, for no fault of its caller: it counts for nothing.
    public synchronized void withdraw() {
        end(reserved, true);
    }

    /// The request was not served for its caller's fault: it counts as one request.
    public synchronized void forfeit() {
        end(reserved, false);
    }

    /// Where its caller stands now, or stood when the permit ended.
    public synchronized QuotaRates rates() {
        if (lastRates != null) return lastRates;
        return account == null ? QuotaRates.NONE : account.rates(claim, clock.getAsLong());
    }

    private void end(long unused, boolean requestToo) {
        if (account == null || lastRates != null) return;
        long nowNs = clock.getAsLong();
        if (unused > 0) account.giveTokens(claim, unused, nowNs);
        if (requestToo) account.giveRequest(claim);
        lastRates = account.rates(claim, nowNs);
        account.leave(claim, nowNs);
    }
}

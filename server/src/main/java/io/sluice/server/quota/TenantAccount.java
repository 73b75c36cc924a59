package io.sluice.server.quota;

import static java.util.Comparator.comparing;
import static java.util.Comparator.comparingLong;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// One tenant's use of its limits and of those of its keys: all of a request's limits are looked at and taken together,
/// so nothing is ever taken for a request that is refused. Any thread; every method holds the account.
final class TenantAccount {

    /// How long a place is taken, on average, while no request has ended yet.
    private static final double FIRST_HOLD_NS = Duration.ofSeconds(1).toNanos();

    private static final double NEWEST_PART = 0.1; // of the newest request in the average

    private final Map<String, HolderBuckets> byKey = new HashMap<>(); // at most the tenant's keys
    private final HolderBuckets own = new HolderBuckets();
    private int running;
    private double meanHoldNs = FIRST_HOLD_NS;
    private boolean closed; // no longer in the books: whoever still holds it must fetch another

    /// A request of this account: what it took, and may give back.
    record Claim(QuotaHolder tenant, Optional<QuotaHolder> key, long enteredNs) {

        Stream<QuotaHolder> holders() {
            return Stream.concat(key.stream(), Stream.of(tenant));
        }
    }

    /// What became of an entering request.
    sealed interface Entrance {
        record Entered() implements Entrance {}

        record Refused(QuotaRefusal refusal) implements Entrance {}

        /// The account was closed in the meantime.
        record Gone() implements Entrance {}
    }

    /// Takes one request and one place, if there are, and if as many tokens as wanted could be taken now.
    synchronized Entrance enter(Claim claim, long tokensWanted, long nowNs) {
        if (closed) return new Entrance.Gone();
        follow(claim, nowNs);
        List<QuotaRefusal> refusals = tokenRefusals(claim, tokensWanted);
        claim.holders().forEach(holder -> requestRefusal(holder).ifPresent(refusals::add));
        placeRefusal(claim.tenant()).ifPresent(refusals::add);
        Optional<QuotaRefusal> worst = worst(refusals);
        if (worst.isPresent()) return new Entrance.Refused(worst.get());
        claim.holders().forEach(holder -> of(holder).takeRequest());
        running++;
        return new Entrance.Entered();
    }

    private void follow(Claim claim, long nowNs) {
        claim.holders().forEach(holder -> of(holder).follow(holder.limits(), nowNs));
    }

    /// Takes nothing.
    synchronized QuotaRates look(Claim claim, long nowNs) {
        follow(claim, nowNs);
        return rates(claim, nowNs);
    }

    /// Takes tokens for a request that has entered.
    synchronized Optional<QuotaRefusal> takeTokens(Claim claim, long tokens, long nowNs) {
        claim.holders().forEach(holder -> of(holder).refill(nowNs));
        Optional<QuotaRefusal> worst = worst(tokenRefusals(claim, tokens));
        if (worst.isEmpty()) claim.holders().forEach(holder -> of(holder).takeTokens(tokens));
        return worst;
    }

    synchronized void giveTokens(Claim claim, long tokens, long nowNs) {
        claim.holders().forEach(holder -> {
            of(holder).refill(nowNs);
            of(holder).giveTokens(tokens);
        });
    }

    synchronized void giveRequest(Claim claim) {
        claim.holders().forEach(holder -> of(holder).giveRequest());
    }

    /// A request that entered is over.
    synchronized void leave(Claim claim, long nowNs) {
        running--;
        meanHoldNs += NEWEST_PART * (Math.max(0, nowNs - claim.enteredNs()) - meanHoldNs);
    }

    synchronized QuotaRates rates(Claim claim, long nowNs) {
        List<QuotaRates.Rate> requests = new ArrayList<>();
        List<QuotaRates.Rate> tokens = new ArrayList<>();
        claim.holders().map(this::of).forEach(buckets -> {
            buckets.refill(nowNs);
            buckets.requestRate().ifPresent(requests::add);
            buckets.tokenRate().ifPresent(tokens::add);
        });
        return new QuotaRates(tightest(requests), tightest(tokens));
    }

    private static Optional<QuotaRates.Rate> tightest(List<QuotaRates.Rate> rates) {
        return rates.stream().min(comparingLong(QuotaRates.Rate::remaining));
    }

    /// Closes the account if a new one would be the same.
    ///
    /// @return true if it is closed
    synchronized boolean closeIfIdle(long nowNs) {
        byKey.values().removeIf(buckets -> {
            buckets.refill(nowNs);
            return running == 0 && buckets.isFull();
        });
        own.refill(nowNs);
        closed = running == 0 && byKey.isEmpty() && own.isFull();
        return closed;
    }

    private HolderBuckets of(QuotaHolder holder) {
        return holder.kind() == QuotaHolder.Kind.TENANT
                ? own
                : byKey.computeIfAbsent(holder.name(), _ -> new HolderBuckets());
    }

    private List<QuotaRefusal> tokenRefusals(Claim claim, long wanted) {
        List<QuotaRefusal> refusals = new ArrayList<>();
        claim.holders().forEach(holder -> {
            TokenBucket bucket = of(holder).tokens();
            if (bucket == null || wanted <= bucket.available()) return;
            boolean never = wanted > bucket.perMinute();
            refusals.add(refusal(QuotaLimit.TOKENS_PER_MINUTE, holder, bucket, wanted, never));
        });
        return refusals;
    }

    private Optional<QuotaRefusal> requestRefusal(QuotaHolder holder) {
        TokenBucket bucket = of(holder).requests();
        if (bucket == null || bucket.available() >= 1) return Optional.empty();
        return Optional.of(refusal(QuotaLimit.REQUESTS_PER_MINUTE, holder, bucket, 1, false));
    }

    /// Among `running` requests one ends about every `meanHoldNs / running`.
    private Optional<QuotaRefusal> placeRefusal(QuotaHolder tenant) {
        int allowed = tenant.limits().concurrentMax();
        if (running < allowed) return Optional.empty();
        Duration wait = Duration.ofNanos((long) (meanHoldNs / running));
        return Optional.of(new QuotaRefusal(QuotaLimit.MAX_CONCURRENT, tenant, allowed, running, 1, wait, false));
    }

    private static QuotaRefusal refusal(
            QuotaLimit limit, QuotaHolder holder, TokenBucket bucket, long wanted, boolean never) {
        Duration wait = never ? Duration.ZERO : Duration.ofNanos(bucket.waitNs(wanted));
        return new QuotaRefusal(limit, holder, bucket.perMinute(), bucket.used(), wanted, wait, never);
    }

    /// What keeps the request out longest.
    private static Optional<QuotaRefusal> worst(List<QuotaRefusal> refusals) {
        return refusals.stream().max(comparing(QuotaRefusal::never).thenComparing(QuotaRefusal::retryAfter));
    }
}

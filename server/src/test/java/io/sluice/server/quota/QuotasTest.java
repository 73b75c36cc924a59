package io.sluice.server.quota;

import static io.sluice.server.quota.QuotaLimits.UNLIMITED;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QuotasTest {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    private final AtomicLong now = new AtomicLong(5 * SECOND);
    private final Quotas quotas = new Quotas(now::get);

    @Test
    void requests_per_minute_hold_per_key_and_per_tenant() {
        QuotaHolder tenant = tenant("acme", 3, UNLIMITED, UNLIMITED);
        QuotaHolder one = QuotaHolder.key("k1", limits(2, UNLIMITED, UNLIMITED));
        QuotaHolder other = QuotaHolder.key("k2", QuotaLimits.NONE);
        entered(one, tenant);
        entered(one, tenant);
        QuotaRefusal ofKey = refused(one, tenant, 0);
        assertThat(ofKey.limit()).isEqualTo(QuotaLimit.REQUESTS_PER_MINUTE);
        assertThat(ofKey.retryAfter()).isEqualTo(Duration.ofSeconds(30));
        assertThat(ofKey.sentence())
                .isEqualTo("The limit of 2 requests per minute of key \"k1\" is reached: 2 are used.");
        entered(other, tenant);
        QuotaRefusal ofTenant = refused(other, tenant, 0);
        assertThat(ofTenant.sentence()).contains("3 requests per minute of tenant \"acme\"");
        assertThat(ofTenant.retryAfter()).isEqualTo(Duration.ofSeconds(20));
        now.addAndGet(20 * SECOND);
        entered(other, tenant);
    }

    @Test
    void a_refusal_takes_nothing() {
        QuotaHolder tenant = tenant("acme", 10, 100, 1);
        QuotaPermit running = entered(null, tenant);
        for (int i = 0; i < 50; i++) {
            assertThat(refused(null, tenant, 0).limit()).isEqualTo(QuotaLimit.MAX_CONCURRENT);
        }
        assertThat(running.rates().requests().orElseThrow().remaining()).isEqualTo(9);
        running.settle(0);
        assertThat(refused(null, tenant, 101).never()).isTrue();
        entered(null, tenant);
    }

    @Test
    void the_most_is_reserved_and_what_was_not_used_comes_back() {
        QuotaHolder tenant = tenant("acme", UNLIMITED, 1000, UNLIMITED);
        QuotaPermit first = entered(null, tenant);
        assertThat(first.reserve(900)).isEmpty();
        assertThat(remainingTokens(first)).isEqualTo(100);
        QuotaPermit second = entered(null, tenant);
        QuotaRefusal refusal = second.reserve(101).orElseThrow();
        assertThat(refusal.limit()).isEqualTo(QuotaLimit.TOKENS_PER_MINUTE);
        assertThat(refusal.used()).isEqualTo(900);
        // One token is missing, and a minute brings a thousand.
        assertThat(refusal.retryAfter()).isEqualTo(Duration.ofMillis(60));
        assertThat(refusal.sentence()).contains("1000 tokens per minute of tenant \"acme\"", "up to 101");
        first.settle(250);
        assertThat(remainingTokens(first)).isEqualTo(750);
        assertThat(second.reserve(101)).isEmpty();
        assertThat(remainingTokens(second)).isEqualTo(649);
        second.withdraw();
        assertThat(remainingTokens(second)).isEqualTo(750);
    }

    @Test
    void what_is_larger_than_the_bucket_never_passes() {
        QuotaHolder tenant = tenant("acme", UNLIMITED, 1000, UNLIMITED);
        QuotaHolder key = QuotaHolder.key("k1", limits(UNLIMITED, 500, UNLIMITED));
        QuotaRefusal refusal = refused(key, tenant, 501);
        assertThat(refusal.never()).isTrue();
        assertThat(refusal.sentence()).contains("501", "500 tokens per minute of key \"k1\"", "lower");
        assertThat(entered(key, tenant).tokensAtOnce()).isEqualTo(OptionalLong.of(500));
        assertThat(entered(null, tenant).tokensAtOnce()).isEqualTo(OptionalLong.of(1000));
        assertThat(QuotaPermit.unlimited().tokensAtOnce()).isEmpty();
    }

    @Test
    void endings_count_once() {
        QuotaHolder tenant = tenant("acme", 10, 1000, 2);
        QuotaPermit permit = entered(null, tenant);
        permit.reserve(400);
        permit.settle(100);
        permit.settle(0);
        permit.withdraw();
        permit.forfeit();
        assertThat(permit.reserve(5)).isEmpty();
        QuotaPermit next = entered(null, tenant);
        assertThat(remainingTokens(next)).isEqualTo(900);
        assertThat(next.rates().requests().orElseThrow().remaining()).isEqualTo(8);
    }

    @Test
    void a_request_that_was_not_served_counts_as_a_request_only_if_that_was_its_callers_fault() {
        QuotaHolder tenant = tenant("acme", 10, UNLIMITED, UNLIMITED);
        entered(null, tenant).withdraw();
        assertThat(remainingRequests(entered(null, tenant))).isEqualTo(9);
        entered(null, tenant).forfeit();
        assertThat(remainingRequests(entered(null, tenant))).isEqualTo(7);
    }

    @Test
    void places_are_freed_by_every_ending_and_the_wait_comes_from_how_long_they_are_held() {
        QuotaHolder tenant = tenant("acme", UNLIMITED, UNLIMITED, 4);
        for (int i = 0; i < 200; i++) {
            QuotaPermit permit = entered(null, tenant);
            now.addAndGet(8 * SECOND);
            if (i % 3 == 0) permit.settle(1);
            else if (i % 3 == 1) permit.withdraw();
            else permit.forfeit();
        }
        for (int i = 0; i < 4; i++) entered(null, tenant);
        QuotaRefusal refusal = refused(null, tenant, 0);
        assertThat(refusal.sentence())
                .isEqualTo("The limit of 4 concurrent requests of tenant \"acme\" is reached: 4 are used.");
        assertThat(refusal.retryAfter()).isBetween(Duration.ofMillis(1990), Duration.ofMillis(2010));
    }

    @Test
    void the_tighter_limit_is_shown() {
        QuotaHolder tenant = tenant("acme", 100, 5000, UNLIMITED);
        QuotaHolder key = QuotaHolder.key("k1", limits(10, 50_000, UNLIMITED));
        QuotaPermit permit = entered(key, tenant);
        permit.reserve(1000);
        assertThat(permit.rates().requests()).contains(new QuotaRates.Rate(10, 9, Duration.ofSeconds(6)));
        assertThat(permit.rates().tokens()).contains(new QuotaRates.Rate(5000, 4000, Duration.ofSeconds(12)));
    }

    @Test
    void a_caller_stands_at_its_limits_before_its_first_request_and_looking_takes_nothing() {
        QuotaHolder tenant = tenant("acme", 100, 5000, UNLIMITED);
        QuotaRates.Rate full = new QuotaRates.Rate(100, 100, Duration.ZERO);
        for (int i = 0; i < 3; i++) {
            assertThat(quotas.rates(Optional.empty(), tenant).requests()).contains(full);
        }
        assertThat(quotas.accountCount()).isZero();
        entered(null, tenant);
        assertThat(quotas.rates(Optional.empty(), tenant)
                        .requests()
                        .orElseThrow()
                        .remaining())
                .isEqualTo(99);
        assertThat(quotas.rates(Optional.empty(), QuotaHolder.tenant("free", QuotaLimits.NONE)))
                .isEqualTo(QuotaRates.NONE);
    }

    @Test
    void changed_limits_hold_for_the_next_request_and_keep_what_was_used() {
        QuotaPermit before = entered(null, tenant("acme", 10, 1000, UNLIMITED));
        before.reserve(600);
        QuotaPermit after = entered(null, tenant("acme", 4, 2000, UNLIMITED));
        assertThat(remainingRequests(after)).isEqualTo(2);
        assertThat(remainingTokens(after)).isEqualTo(1400);
        before.settle(100);
        assertThat(remainingTokens(after)).isEqualTo(1900);
        assertThat(entered(null, tenant("acme", UNLIMITED, UNLIMITED, 100)).rates())
                .isEqualTo(QuotaRates.NONE);
    }

    @Test
    void accounts_of_tenants_that_have_refilled_are_forgotten() {
        for (int i = 0; i < 100_000; i++) {
            entered(null, tenant("t" + i, 600, UNLIMITED, UNLIMITED)).settle(0);
            now.addAndGet(SECOND / 100);
        }
        // Each account is full again after a tenth of a second, that is after ten further tenants.
        assertThat(quotas.accountCount()).isLessThanOrEqualTo(1024 + 1);
    }

    @Test
    void an_account_is_never_forgotten_while_it_matters() {
        QuotaHolder lasting = tenant("lasting", UNLIMITED, UNLIMITED, 1);
        QuotaPermit running = entered(null, lasting);
        for (int i = 0; i < 10_000; i++) {
            entered(null, tenant("t" + i, 600, UNLIMITED, UNLIMITED)).settle(0);
            now.addAndGet(SECOND);
        }
        assertThat(refused(null, lasting, 0).limit()).isEqualTo(QuotaLimit.MAX_CONCURRENT);
        running.settle(0);
        entered(null, lasting);
    }

    @Test
    void callers_without_limits_cost_nothing() {
        QuotaPermit permit = entered(null, QuotaHolder.tenant("free", QuotaLimits.NONE));
        assertThat(permit.reserve(Long.MAX_VALUE)).isEmpty();
        assertThat(permit.rates()).isEqualTo(QuotaRates.NONE);
        permit.settle(5);
        assertThat(quotas.accountCount()).isZero();
    }

    /// With the clock held still, what was granted and what is left is exactly what there was.
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void the_sums_are_exact_under_any_interleaving_of_threads(long seed) throws Exception {
        int tokens = 1_000_000;
        QuotaHolder tenant = tenant("acme", 100_000, tokens, 64);
        QuotaHolder[] keys = {
            QuotaHolder.key("k0", limits(50_000, 700_000, UNLIMITED)), QuotaHolder.key("k1", QuotaLimits.NONE)
        };
        AtomicLong used = new AtomicLong();
        AtomicLong counted = new AtomicLong();
        List<Callable<Void>> clients = new ArrayList<>();
        for (int client = 0; client < 8; client++) {
            Random random = new Random(seed * 100 + client);
            QuotaHolder key = keys[client % 2];
            clients.add(() -> {
                for (int i = 0; i < 3000; i++) run(key, tenant, random, used, counted);
                return null;
            });
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<Void> client : threads.invokeAll(clients)) client.get();
        }
        QuotaPermit last = entered(keys[1], tenant);
        assertThat(remainingTokens(last)).as("seed %d", seed).isEqualTo(tokens - used.get());
        assertThat(remainingRequests(last)).as("seed %d", seed).isEqualTo(100_000 - counted.get() - 1);
    }

    private void run(QuotaHolder key, QuotaHolder tenant, Random random, AtomicLong used, AtomicLong counted) {
        if (!(quotas.enter(Optional.of(key), tenant, 0) instanceof Quotas.Decision.Entered(QuotaPermit permit))) return;
        int most = 1 + random.nextInt(200);
        if (permit.reserve(most).isPresent()) {
            permit.withdraw();
            return;
        }
        switch (random.nextInt(4)) {
            case 0 -> permit.withdraw();
            case 1 -> {
                permit.forfeit();
                counted.incrementAndGet();
            }
            default -> {
                int taken = random.nextInt(most + 1);
                permit.settle(taken);
                used.addAndGet(taken);
                counted.incrementAndGet();
            }
        }
    }

    private QuotaPermit entered(@Nullable QuotaHolder key, QuotaHolder tenant) {
        return switch (quotas.enter(Optional.ofNullable(key), tenant, 0)) {
            case Quotas.Decision.Entered(QuotaPermit permit) -> permit;
            case Quotas.Decision.Refused(var refusal) -> throw new AssertionError(refusal.sentence());
        };
    }

    private QuotaRefusal refused(@Nullable QuotaHolder key, QuotaHolder tenant, long tokensWanted) {
        return switch (quotas.enter(Optional.ofNullable(key), tenant, tokensWanted)) {
            case Quotas.Decision.Entered _ -> throw new AssertionError("it was let in");
            case Quotas.Decision.Refused(var refusal) -> refusal;
        };
    }

    private static long remainingTokens(QuotaPermit permit) {
        return permit.rates().tokens().orElseThrow().remaining();
    }

    private static long remainingRequests(QuotaPermit permit) {
        return permit.rates().requests().orElseThrow().remaining();
    }

    private static QuotaHolder tenant(String name, int requests, int tokens, int concurrent) {
        return QuotaHolder.tenant(name, limits(requests, tokens, concurrent));
    }

    private static QuotaLimits limits(int requests, int tokens, int concurrent) {
        return new QuotaLimits(requests, tokens, concurrent);
    }
}

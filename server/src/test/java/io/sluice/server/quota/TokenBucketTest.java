package io.sluice.server.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenBucketTest {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    private static final long START = 123_456_789;

    @Test
    void it_starts_full_and_refills_continuously() {
        TokenBucket bucket = new TokenBucket(60, START);
        assertThat(bucket.available()).isEqualTo(60);
        bucket.take(60);
        assertThat(bucket.available()).isZero();
        bucket.refill(START + SECOND - 1);
        assertThat(bucket.available()).isZero();
        bucket.refill(START + SECOND);
        assertThat(bucket.available()).isEqualTo(1);
        bucket.refill(START + 3600 * SECOND);
        assertThat(bucket.available()).isEqualTo(60);
        assertThat(bucket.isFull()).isTrue();
    }

    @Test
    void the_time_to_wait_is_exact_to_the_nanosecond() {
        TokenBucket bucket = new TokenBucket(7, START);
        bucket.take(7);
        long waitNs = bucket.waitNs(3);
        bucket.refill(START + waitNs - 1);
        assertThat(bucket.available()).isEqualTo(2);
        bucket.refill(START + waitNs);
        assertThat(bucket.available()).isEqualTo(3);
        assertThat(bucket.waitNs(3)).isZero();
    }

    @Test
    void many_small_refills_add_up_to_one_large_one() {
        TokenBucket often = new TokenBucket(1000, START);
        TokenBucket once = new TokenBucket(1000, START);
        often.take(1000);
        once.take(1000);
        for (long ns = 1; ns <= 7_000_003; ns += 1001) often.refill(START + ns);
        often.refill(START + 7_000_003);
        once.refill(START + 7_000_003);
        assertThat(often.waitNs(1000)).isEqualTo(once.waitNs(1000));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 59, 60, 3600, 86_400L * 365 * 200})
    void a_clock_that_jumps_ahead_mints_at_most_a_bucket(long seconds) {
        TokenBucket bucket = new TokenBucket(60, START);
        bucket.take(60);
        bucket.refill(START + seconds * SECOND);
        assertThat(bucket.available()).isEqualTo(Math.min(60, seconds));
    }

    @Test
    void a_clock_that_is_set_back_mints_and_destroys_nothing_and_counts_on_from_there() {
        TokenBucket bucket = new TokenBucket(60, START);
        bucket.take(50);
        bucket.refill(START - 3600 * SECOND);
        assertThat(bucket.available()).isEqualTo(10);
        bucket.refill(START - 3600 * SECOND + 2 * SECOND);
        assertThat(bucket.available()).isEqualTo(12);
        bucket.refill(Long.MIN_VALUE);
        assertThat(bucket.available()).isEqualTo(12);
        bucket.refill(Long.MAX_VALUE);
        assertThat(bucket.available()).isBetween(12L, 60L);
    }

    @Test
    void what_is_given_back_never_makes_more_than_a_full_bucket() {
        TokenBucket bucket = new TokenBucket(60, START);
        bucket.take(40);
        bucket.refill(START + 30 * SECOND);
        bucket.give(40);
        assertThat(bucket.isFull()).isTrue();
        bucket.take(10);
        bucket.give(Long.MAX_VALUE);
        assertThat(bucket.available()).isEqualTo(60);
    }

    @Test
    void the_largest_bucket_does_not_overflow() {
        TokenBucket bucket = new TokenBucket(QuotaLimits.PER_MINUTE_MAX, START);
        bucket.take(QuotaLimits.PER_MINUTE_MAX);
        assertThat(bucket.waitNs(QuotaLimits.PER_MINUTE_MAX)).isEqualTo(60 * SECOND);
        bucket.refill(START + 30 * SECOND);
        assertThat(bucket.available()).isEqualTo(QuotaLimits.PER_MINUTE_MAX / 2);
        bucket.give(QuotaLimits.PER_MINUTE_MAX);
        assertThat(bucket.isFull()).isTrue();
    }

    @Test
    void a_new_rate_keeps_what_was_used() {
        TokenBucket bucket = new TokenBucket(100, START);
        bucket.take(30);
        bucket.resize(200);
        assertThat(bucket.available()).isEqualTo(170);
        bucket.resize(40);
        assertThat(bucket.available()).isEqualTo(10);
        bucket.resize(20);
        assertThat(bucket.available()).isZero();
        bucket.refill(START + 60 * SECOND);
        assertThat(bucket.available()).isEqualTo(20);
    }

    @Test
    void nobody_takes_what_is_not_there() {
        TokenBucket bucket = new TokenBucket(5, START);
        assertThatThrownBy(() -> bucket.take(6)).isInstanceOf(IllegalStateException.class);
        assertThat(bucket.available()).isEqualTo(5);
    }

    /// The same in fractions of unbounded size, which cannot round.
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void every_sum_is_exact_whatever_comes_in_whatever_order(long seed) {
        Random random = new Random(seed);
        int rate = 1 + random.nextInt(100_000);
        BigInteger minute = BigInteger.valueOf(60 * SECOND);
        BigInteger capacity = minute.multiply(BigInteger.valueOf(rate));
        BigInteger level = capacity;
        TokenBucket bucket = new TokenBucket(rate, START);
        long nowNs = START;
        long outstanding = 0;
        for (int i = 0; i < 20_000; i++) {
            long elapsedNs = random.nextLong(random.nextInt(10) == 0 ? 90 * SECOND : SECOND / 100);
            nowNs += elapsedNs;
            bucket.refill(nowNs);
            level = level.add(BigInteger.valueOf(elapsedNs).multiply(BigInteger.valueOf(rate)))
                    .min(capacity);
            if (outstanding > 0 && random.nextBoolean()) {
                long back = random.nextLong(outstanding + 1);
                outstanding -= back;
                bucket.give(back);
                level = level.add(minute.multiply(BigInteger.valueOf(back))).min(capacity);
            } else {
                long wanted = random.nextLong(bucket.available() + 1);
                outstanding += wanted;
                bucket.take(wanted);
                level = level.subtract(minute.multiply(BigInteger.valueOf(wanted)));
            }
            assertThat(bucket.available())
                    .as("seed %d, operation %d", seed, i)
                    .isEqualTo(level.divide(minute).longValueExact());
        }
    }
}

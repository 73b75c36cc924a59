package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SloTest {
    private static final long MS = 1_000_000L;

    @Test
    void aStreamIsMeasuredByItsFirstTokenAndTheMeanOfItsGaps() {
        Slo slo = Promise.of("interactive").slo();
        assertThat(slo.isMet(timing(500, 500 + 100 * 50, 101, 400))).isTrue();
        assertThat(slo.isMet(timing(501, 600, 101, 1))).isFalse();
        assertThat(slo.isMet(timing(100, 100 + 100 * 51, 101, 1))).isFalse();
        assertThat(slo.isMet(timing(100, 100, 1, 0))).isTrue();
    }

    @Test
    void strictlyByNearlyAllOfItsGaps() {
        Slo slo = Promise.of("standard").slo();
        assertThat(slo.isMetStrictly(timing(2000, 3000, 101, 100))).isTrue();
        assertThat(slo.isMetStrictly(timing(2000, 3000, 101, 101))).isFalse();
    }

    @Test
    void workIsMeasuredByItsEndAndGetsTimeForEachThousandTokensBegun() {
        Slo slo = Promise.of("batch").slo();
        assertThat(slo.isMet(timing(59_000, 60_000, 1000, 1))).isTrue();
        assertThat(slo.isMet(timing(1, 60_001, 1000, 1))).isFalse();
        assertThat(slo.isMet(timing(1, 120_000, 1001, 1))).isTrue();
    }

    @Test
    void theP99OfARequestsGapsIsOneOfThem() {
        var gaps = new GapLog();
        assertThat(gaps.p99Ns()).isZero();
        for (int i = 1; i <= 200; i++) gaps.add(i * MS);
        assertThat(gaps.p99Ns()).isEqualTo(198 * MS);
    }

    private static Timing timing(long firstMs, long lastMs, int tokens, long p99Ms) {
        return new Timing(firstMs * MS, lastMs * MS, tokens, p99Ms * MS);
    }
}

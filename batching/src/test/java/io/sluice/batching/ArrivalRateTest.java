package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class ArrivalRateTest {
    private static final long MS = 1_000_000;
    private static final long SECOND = 1000 * MS;

    private final ArrivalRate rate = new ArrivalRate(0);

    @Test
    void whereNothingIsAdmittedThereIsNoRate() {
        assertThat(rate.get(100 * SECOND)).isZero();
    }

    @Test
    void itIsTheWorkThatIsAdmittedPerTime() {
        for (long now = 0; now < 60 * SECOND; now += 10 * MS) rate.add(4 * MS, now);
        assertThat(rate.get(60 * SECOND)).isCloseTo(0.4, Percentage.withPercentage(1));
    }

    @Test
    void whatWasAdmittedLongAgoFades() {
        rate.add(5 * SECOND, 0);
        assertThat(rate.get(0)).isEqualTo(1);
        assertThat(rate.get(5 * SECOND)).isCloseTo(1 / Math.E, Percentage.withPercentage(0.1));
        assertThat(rate.get(60 * SECOND)).isLessThan(1e-5);
    }

    @Test
    void whoLooksMoreOftenSeesTheSame() {
        var other = new ArrivalRate(0);
        rate.add(5 * SECOND, 0);
        other.add(5 * SECOND, 0);
        for (long now = 0; now < 7 * SECOND; now += MS) other.get(now);
        assertThat(other.get(7 * SECOND)).isCloseTo(rate.get(7 * SECOND), Percentage.withPercentage(0.001));
    }

    @Test
    void aThreadWithAnEarlierMomentNeitherFadesNorRevives() {
        rate.add(5 * SECOND, 10 * SECOND);
        assertThat(rate.get(9 * SECOND)).isEqualTo(1);
        rate.add(5 * SECOND, 9 * SECOND);
        assertThat(rate.get(10 * SECOND)).isEqualTo(2);
    }
}

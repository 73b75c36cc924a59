package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StepClockTest {
    private final StepClock clock = new StepClock();
    private long nowNs = 1000;

    @Test
    void aStepInFlightIsKnownByItsBeginning() {
        assertThat(clock.startedNs()).isEqualTo(StepClock.IDLE);
        clock.begin(1234);
        assertThat(clock.startedNs()).isEqualTo(1234);
        clock.end(2000);
        assertThat(clock.startedNs()).isEqualTo(StepClock.IDLE);
    }

    @Test
    void aStepThatBeginsWhenTheClockStandsAtNothingIsInFlightToo() {
        clock.begin(0);
        assertThat(clock.startedNs()).isNotEqualTo(StepClock.IDLE);
    }

    @Test
    void oneStepThatHungIsNotUsual() {
        for (int i = 0; i < 10; i++) step(20);
        step(1_000_000);
        assertThat(clock.usualMaxNs()).isEqualTo(20);
        step(30);
        assertThat(clock.usualMaxNs()).isEqualTo(30);
    }

    @Test
    void stepsThatAreLongAgainAndAgainAreUsual() {
        for (int i = 0; i < 10; i++) step(20);
        step(900);
        step(800);
        assertThat(clock.usualMaxNs()).isEqualTo(800);
    }

    @Test
    void whatWasUsualLongAgoIsForgotten() {
        step(900);
        step(900);
        for (int i = 0; i < 64; i++) step(20);
        assertThat(clock.usualMaxNs()).isEqualTo(20);
    }

    @Test
    void beforeThereAreTwoStepsNothingIsUsual() {
        assertThat(clock.usualMaxNs()).isZero();
        step(900);
        assertThat(clock.usualMaxNs()).isZero();
    }

    private void step(long ns) {
        clock.begin(nowNs);
        nowNs += ns;
        clock.end(nowNs);
    }
}

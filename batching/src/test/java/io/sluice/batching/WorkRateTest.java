package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WorkRateTest {
    private static final long MS = 1_000_000;

    private final WorkRate rate = new WorkRate();
    private long nowNs;

    @Test
    void expectationsAreRightUntilSomethingElseIsMeasured() {
        assertThat(rate.get()).isEqualTo(1);
    }

    @Test
    void anEngineThatStartsTwiceAsMuchAsExpectedIsTwiceAsFast() {
        busySeconds(60, 20);
        assertThat(rate.get()).isBetween(1.99, 2.01);
        busySeconds(60, 5);
        assertThat(rate.get()).isBetween(0.49, 0.51);
    }

    @Test
    void aSingleSecondChangesAFifth() {
        rate.observe(true, nowNs);
        busySeconds(1, 20);
        assertThat(rate.get()).isBetween(1.19, 1.21);
    }

    @Test
    void whatIsStartedWhileNothingWaitsSaysNothing() {
        for (int i = 0; i < 1000; i++) {
            rate.countStart(100 * MS);
            nowNs += 10 * MS;
            rate.observe(false, nowNs);
        }
        assertThat(rate.get()).isEqualTo(1);
    }

    @Test
    void aBusyTimeThatDoesNotLastIsNotMeasured() {
        for (int i = 0; i < 100; i++) {
            busySeconds(0.9, 30);
            rate.observe(false, nowNs);
        }
        assertThat(rate.get()).isEqualTo(1);
    }

    @Test
    void aWindowThatIsBegunAnewForgetsWhatWasStartedInIt() {
        busySeconds(0.5, 1000);
        rate.startWindow();
        busySeconds(1.02, 10);
        assertThat(rate.get()).isBetween(0.99, 1.01);
    }

    @Test
    void anEngineThatStartsNothingIsStillExpectedToStartSomething() {
        busySeconds(300, 0);
        assertThat(rate.get()).isEqualTo(0.1);
        busySeconds(300, 1_000_000);
        assertThat(rate.get()).isEqualTo(10);
    }

    @Test
    void aClockThatJumpsCountsAtMostOnce() {
        busySeconds(10, 10);
        nowNs += 3_600_000 * MS;
        rate.observe(true, nowNs);
        assertThat(rate.get()).isBetween(0.79, 0.81);
        nowNs -= 7_200_000 * MS;
        rate.observe(true, nowNs);
        assertThat(rate.get()).isBetween(0.79, 0.81);
    }

    /// Steps of ten milliseconds, each of which starts so many milliseconds of work, while more waits.
    private void busySeconds(double seconds, long workMs) {
        for (int i = 0; i < 100 * seconds; i++) {
            rate.countStart(workMs * MS);
            nowNs += 10 * MS;
            rate.observe(true, nowNs);
        }
    }
}

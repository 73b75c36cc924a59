package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class GateTest {
    private static final long MS = 1_000_000;
    private static final double ALLOWED_NS = 500 * MS;

    private final Patience patience = new Patience();
    private final Gate gate = new Gate(patience);

    @Test
    void whoWaitsNoLongerThanIsAllowedComesIn() {
        assertThat(awayNs(500, 0)).isZero();
        assertThat(awayNs(501, 0)).isPositive();
    }

    @Test
    void whoWouldWaitLongerIsToldWhenTheWaitWillBeHalfOfWhatIsAllowed() {
        assertThat(awayNs(700, 0)).isEqualTo(450 * MS);
        // Waits that come down twice as fast.
        assertThat(gate.awayNs(700 * MS, ALLOWED_NS, 2, 0)).isEqualTo(225 * MS);
    }

    @Test
    void nobodyIsSentAwayForLessThanAStep() {
        assertThat(gate.awayNs(10 * MS, 9 * MS, 1, 0)).isEqualTo(20 * MS);
    }

    @Test
    void askingClosesNothing() {
        awayNs(700, 0);
        assertThat(awayNs(100, 1)).isZero();
    }

    @Test
    void itStaysClosedUntilTheMomentThatWasTold() {
        close(700, 450, 0);
        assertThat(awayNs(0, 100)).isEqualTo(350 * MS);
        assertThat(awayNs(0, 449)).isEqualTo(1 * MS);
        assertThat(awayNs(0, 450)).isZero();
    }

    @Test
    void whoIsRefusedMeanwhileDoesNotKeepItClosed() {
        close(700, 450, 0);
        close(900, 5000, 200);
        assertThat(awayNs(0, 450)).isZero();
    }

    @Test
    void whoComesWhenItWasToldComesInHoweverLongTheWaitIsByNow() {
        close(700, 400, 0);
        assertThat(awayNs(90_000, 399)).isEqualTo(MS);
        assertThat(awayNs(90_000, 400)).isZero();
        assertThat(awayNs(90_000, 599)).isZero();
        assertThat(awayNs(90_000, 600)).isPositive(); // half of the time again: late
    }

    @Test
    void nobodyIsToldMoreThanItsClassHasPatienceFor() {
        long most = patience.ns() / MS;
        assertThat(awayNs(10 * most, 0)).isEqualTo(patience.ns());
        close(10 * most, most, 0);
        open(0, 10); // nothing waited any more, long before
        assertThat(patience.ns()).isEqualTo(most / 2 * MS);
        close(10 * most, 1000, 20);
        open(10 * most, 1020); // still too long
        assertThat(patience.ns()).isGreaterThan(most / 2 * MS);
    }

    @Test
    void onceSomebodyWasLetInItIsAsItWasBefore() {
        close(700, 400, 0);
        open(300, 400);
        assertThat(awayNs(501, 401)).isPositive();
        assertThat(open(0, 500)).isEqualTo(Gate.NOTHING_LEARNED);
    }

    @Test
    void ofACrowdThatComesAtTheMomentThatItWasToldOneComesIn() {
        close(700, 400, 0);
        assertThat(awayNs(700, 400)).isZero();
        assertThat(awayNs(700, 400)).isZero();
        assertThat(enter(700, 400).awayNs()).isZero();
        assertThat(enter(700, 400).awayNs()).isEqualTo(450 * MS);
        assertThat(enter(500, 400).awayNs()).isZero(); // this one needs no promise
    }

    @Test
    void whoWasLookedAtBeforeItClosedDoesNotOpenItAgain() {
        assertThat(awayNs(400, 0)).isZero();
        close(700, 450, 0);
        long patience = this.patience.ns();
        assertThat(enter(400, 0).awayNs()).isEqualTo(450 * MS);
        assertThat(this.patience.ns()).isEqualTo(patience);
        assertThat(awayNs(0, 449)).isPositive();
    }

    @Test
    void howFastWaitsCameDownIsLearnedWhenItOpensAndWhenItClosesAgain() {
        assertThat(close(700, 400, 0)).isEqualTo(Gate.NOTHING_LEARNED);
        assertThat(close(600, 400, 100)).isEqualTo(Gate.NOTHING_LEARNED); // it is closed
        assertThat(close(500, 400, 400)).isEqualTo(0.5);
        assertThat(open(0, 600)).isEqualTo(2.5);
    }

    @Test
    void waitsThatGrewMeanwhileCameDownByNothing() {
        close(700, 400, 0);
        assertThat(open(900, 400)).isZero();
    }

    @Test
    void aClockThatGoesBackKeepsItClosedAndBreaksNothing() {
        close(700, 400, 1000);
        assertThat(awayNs(0, 0)).isEqualTo(1400 * MS);
        assertThat(open(0, 0)).isNotNegative().isFinite(); // for an engine with nothing to do
        assertThat(awayNs(0, 0)).isZero();
    }

    private long awayNs(long waitMs, long nowMs) {
        return gate.awayNs(waitMs * MS, ALLOWED_NS, 1, nowMs * MS);
    }

    /// Lets a request in, which was looked at before.
    private double open(long waitMs, long nowMs) {
        Gate.Entry entry = enter(waitMs, nowMs);
        assertThat(entry.awayNs()).isZero();
        return entry.learned();
    }

    private Gate.Entry enter(long waitMs, long nowMs) {
        return gate.open(waitMs * MS, ALLOWED_NS, 1, nowMs * MS);
    }

    private double close(long waitMs, long awayMs, long nowMs) {
        return gate.close(waitMs * MS, ALLOWED_NS, awayMs * MS, nowMs * MS);
    }
}

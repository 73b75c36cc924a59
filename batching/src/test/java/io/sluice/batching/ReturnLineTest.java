package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class ReturnLineTest {
    private static final long MS = 1_000_000;
    private static final long INTERVAL_NS = 100 * MS;
    private static final long MOST_NS = 60_000 * MS;
    private static final Offset<Double> CLOSE = Offset.offset(0.5);

    private final ReturnLine line = new ReturnLine();
    private long nowNs = 1_000_000 * MS;

    @Test
    void whereNobodyIsKnownToComeBackEverybodyIsToldWhenThereIsRoom() {
        for (int i = 0; i < 100; i++) assertThat(tell(500)).isEqualTo(500);
        assertThat(line.expected(nowNs)).isZero();
    }

    @Test
    void whereAllComeBackEachIsToldAMomentOfItsOwn() {
        allComeBack();
        assertThat(tell(500)).isBetween(500L, 501L);
        assertThat(tell(500)).isBetween(590L, 601L);
        assertThat(tell(500)).isBetween(680L, 701L);
        assertThat(line.expected(nowNs)).isCloseTo(3, CLOSE);
    }

    @Test
    void nobodyIsToldToStayAwayForLongerThanTheMostButForItsOwnSake() {
        allComeBack();
        for (int i = 0; i < 1000; i++) tell(500);
        assertThat(tell(500)).isEqualTo(MOST_NS / MS);
        assertThat(tell(70_000)).isEqualTo(70_000);
    }

    @Test
    void whoComesWhenItWasToldTakesAPlaceAndOnlyAsManyAsAreDue() {
        allComeBack();
        tell(500);
        tell(500); // a tenth of a second later
        nowNs += 400 * MS;
        assertThat(line.comeBack(nowNs)).as("too early").isFalse();
        tell(500); // once more, for that one
        nowNs += 200 * MS;
        assertThat(line.comeBack(nowNs)).isTrue();
        assertThat(line.comeBack(nowNs)).as("another's place").isFalse();
    }

    @Test
    void placesThatNobodyTakesLapseAndTeachThatFewerComeBack() {
        allComeBack();
        for (int i = 0; i < 40; i++) tell(500);
        double before = line.expected(nowNs);
        nowNs += 10_000 * MS;
        assertThat(line.expected(nowNs)).isZero();
        for (int i = 0; i < 40; i++) tell(500);
        assertThat(line.expected(nowNs)).isLessThan(before / 5);
    }

    @Test
    void moreMomentsThanItKeepsAreCountedAllTheSame() {
        allComeBack();
        for (int i = 0; i < 500; i++) tell(100L * i);
        assertThat(line.expected(nowNs)).isBetween(450.0, 500.0);
        for (int i = 500; i > 0; i--) tell(100L * i + 50);
        assertThat(line.expected(nowNs)).isBetween(900.0, 1000.0);
        nowNs += 100_000 * MS;
        int taken = 0;
        while (line.comeBack(nowNs)) taken++;
        assertThat(taken).isLessThanOrEqualTo(1000);
        assertThat(line.expected(nowNs)).isZero();
    }

    private long tell(long awayMs) {
        return line.tell(awayMs * MS, INTERVAL_NS, MOST_NS, nowNs) / MS;
    }

    private void allComeBack() {
        for (int i = 0; i < 200; i++) {
            long toldNs = line.tell(100 * MS, INTERVAL_NS, MOST_NS, nowNs);
            nowNs += toldNs;
            line.comeBack(nowNs);
        }
    }
}

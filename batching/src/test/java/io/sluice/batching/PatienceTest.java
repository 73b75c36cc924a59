package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PatienceTest {
    private static final long S = 1_000_000_000L;

    private final Patience patience = new Patience();

    @Test
    void whoWasToldTooMuchMakesOthersBeToldLess() {
        patience.learnTooLong(10 * S);
        assertThat(patience.ns()).isEqualTo(5 * S);
        patience.learnTooLong(60 * S); // it was told before
        assertThat(patience.ns()).isEqualTo(5 * S / 2);
    }

    @Test
    void whoWasToldTooLittleMakesOthersBeToldALittleMore() {
        patience.learnTooLong(20 * S);
        patience.learnTooShort(10 * S);
        assertThat(patience.ns()).isBetween(10 * S + 1, 11 * S);
    }

    @Test
    void itIsNeverLessThanAStepNorMoreThanTenMinutes() {
        for (int i = 0; i < 100; i++) patience.learnTooLong(1);
        assertThat(patience.ns()).isEqualTo(Patience.MIN_NS);
        for (int i = 0; i < 1000; i++) patience.learnTooShort(1);
        assertThat(patience.ns()).isEqualTo(Patience.MAX_NS);
    }
}

package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PhiloxTest {

    /// The known answers that come with Random123, the generator's reference implementation.
    @Test
    void givesTheKnownAnswersOfItsReferenceImplementation() {
        assertThat(Philox.bits(0, 0, 0)).isEqualTo(0xe169c58d_6627e8d5L);
        assertThat(Philox.bits(-1, -1, -1)).isEqualTo(0x41c83b0e_408f276dL);
        assertThat(Philox.bits(0x299f31d0_a4093822L, 0x85a308d3_243f6a88L, 0x03707344_13198a2eL))
                .isEqualTo(0x94fdcceb_d16cfe09L);
    }

    @Test
    void numbersLieBetweenZeroAndOneAndFillTheIntervalEvenly() {
        int[] tenths = new int[10];
        for (int position = 0; position < 100_000; position++) {
            double number = Philox.uniform(42, position);
            assertThat(number).isBetween(Double.MIN_VALUE, Math.nextDown(1.0));
            tenths[(int) (number * 10)]++;
        }
        for (int count : tenths) assertThat(count).isBetween(9_600, 10_400); // more than four standard deviations
    }
}

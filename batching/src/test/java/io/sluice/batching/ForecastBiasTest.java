package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ForecastBiasTest {
    private static final long MS = 1_000_000;
    private static final long STEP_NS = 10 * MS;

    private final ForecastBias bias = new ForecastBias();

    @Test
    void beforeAnythingIsLearnedAPredictionStands() {
        assertThat(bias.correct(700 * MS, STEP_NS)).isEqualTo(700 * MS);
        assertThat(bias.decline()).isEqualTo(1);
    }

    @Test
    void threeInFourWaitNoLongerThanIsSaid() {
        var random = new Random(1);
        int kept = 0;
        int asked = 0;
        for (int i = 0; i < 20_000; i++) {
            long predicted = random.nextInt(1000) * MS;
            long actual = (long) (predicted * 3 * random.nextDouble());
            if (i >= 1000) {
                asked++;
                if (actual <= bias.correct(predicted, STEP_NS)) kept++;
            }
            bias.learn(predicted, actual, STEP_NS);
        }
        assertThat((double) kept / asked).isBetween(0.70, 0.80);
    }

    @Test
    void waitsThatAreAlwaysShorterThanPredictedAreNotToldToBeLessThanHalf() {
        for (int i = 0; i < 1000; i++) bias.learn(1000 * MS, 0, STEP_NS);
        assertThat(bias.correct(1000 * MS, 0)).isEqualTo(500 * MS);
        assertThat(bias.correct(0, STEP_NS)).isZero(); // never less than nothing
    }

    @Test
    void waitsThatAreAlwaysLongerAreToldToBeAtMostSixteenTimesAsLong() {
        for (int i = 0; i < 1000; i++) bias.learn(20 * MS, 1_000_000 * MS, STEP_NS);
        assertThat(bias.correct(100 * MS, 0)).isEqualTo(1600 * MS);
    }

    @Test
    void whoWasToStartAtOnceTeachesNothing() {
        for (int i = 0; i < 1000; i++) bias.learn(STEP_NS - 1, 1000 * MS, STEP_NS);
        assertThat(bias.correct(1000 * MS, STEP_NS)).isEqualTo(1000 * MS);
    }

    @Test
    void howFastWaitsComeDownIsThatOfHalfOfAllClosings() {
        var random = new Random(2);
        for (int i = 0; i < 5000; i++) bias.learnDecline(2 + 4 * random.nextDouble());
        assertThat(bias.decline()).isBetween(3.0, 5.0);
    }

    @Test
    void waitsComeDownAtLeastAsFastAsTimePasses() {
        for (int i = 0; i < 100; i++) bias.learnDecline(0);
        assertThat(bias.decline()).isEqualTo(1);
        for (int i = 0; i < 1000; i++) bias.learnDecline(1e9);
        assertThat(bias.decline()).isEqualTo(16);
        bias.learnDecline(Gate.NOTHING_LEARNED);
        assertThat(bias.decline()).isEqualTo(16);
    }
}

package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KvForecastTest {
    private final KvForecast forecast = new KvForecast(64);

    @Test
    void sequencesThatEndTogetherNeedAllThatEachNeeds() {
        forecast.clear(0);
        forecast.add(2, 3, 0);
        forecast.add(4, 3, 0);
        assertThat(forecast.peak()).isEqualTo(2 + 3 + 4 + 3);
    }

    @Test
    void whatTheFirstGivesBackTheSecondGrowsInto() {
        forecast.clear(0);
        forecast.add(10, 1, 0); // 11 when it ends, and the other has 1 by then
        forecast.add(0, 11, 0);
        assertThat(forecast.peak()).isEqualTo(12);
        assertThat(forecast.fits(12)).isTrue();
        assertThat(forecast.fits(11)).isFalse();
    }

    @Test
    void whatNobodyGivesBackCountsAllTheTime() {
        forecast.clear(5);
        assertThat(forecast.peak()).isEqualTo(5);
        forecast.add(1, 1, 0);
        assertThat(forecast.peak()).isEqualTo(7);
    }

    @Test
    void marginsOfIndependentSequencesAddUpAsTheirSquares() {
        forecast.clear(0);
        forecast.add(1, 1, 9);
        forecast.add(1, 1, 16);
        assertThat(forecast.peak()).isEqualTo(4 + 5);
        forecast.removeLast(16);
        assertThat(forecast.peak()).isEqualTo(2 + 3);
    }

    @Test
    void aPartOfABlockOfMarginIsAWholeOne() {
        forecast.clear(0);
        forecast.add(1, 0, 0.01);
        assertThat(forecast.peak()).isEqualTo(2);
    }

    @Test
    void itIsThePeakOfAnHourOfGrowingBlockByBlock() {
        for (long seed = 0; seed < 2000; seed++) {
            var random = new Random(seed);
            int shared = random.nextInt(5);
            List<Growing> all = new ArrayList<>();
            forecast.clear(shared);
            for (int i = random.nextInt(20); i > 0; i--) {
                var next = new Growing(random.nextInt(12), random.nextInt(12));
                all.add(next);
                forecast.add(next.held(), next.left(), 0);
            }
            int peak = shared + peakOf(all);
            assertThat(forecast.peak()).as("seed %d", seed).isEqualTo(peak);
            assertThat(forecast.fits(peak)).as("seed %d", seed).isTrue();
            assertThat(forecast.fits(peak - 1)).as("seed %d", seed).isFalse();
        }
    }

    @Test
    void lookingAtThePeakDoesNotChangeWhoWasAddedLast() {
        for (long seed = 0; seed < 500; seed++) {
            var random = new Random(seed);
            List<Growing> all = new ArrayList<>();
            forecast.clear(0);
            for (int i = 0; i < 10; i++) {
                var next = new Growing(random.nextInt(5), random.nextInt(5));
                forecast.add(next.held(), next.left(), 0);
                all.add(next);
                assertThat(forecast.peak()).as("seed %d", seed).isEqualTo(peakOf(all));
                if (random.nextBoolean()) continue;
                all.removeLast();
                forecast.removeLast(0);
                assertThat(forecast.peak()).as("seed %d", seed).isEqualTo(peakOf(all));
            }
        }
    }

    /// A sequence that holds blocks and takes one at each moment until none is left to take.
    private record Growing(int held, int left) {}

    private static int peakOf(List<Growing> all) {
        int peak = 0;
        for (int moment = 0; moment < 12; moment++) {
            int inUse = 0;
            for (Growing each : all) {
                if (each.left() >= moment) inUse += each.held() + moment;
            }
            peak = Math.max(peak, inUse);
        }
        return peak;
    }
}

package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class OutputLengthsTest {
    private static final int MOST = 1 << 20;
    private static final double KEPT = 0.998;

    private final OutputLengths lengths = new OutputLengths();

    @Test
    void nothingIsClaimedOfAFlowThatIsHardlyKnown() {
        assertThat(lengths.mean()).isZero();
        add(OutputLengths.SAMPLES_MIN - 1, 100);
        assertThat(lengths.isKnown()).isFalse();
        assertThat(lengths.outlook(0, MOST)).isNull();
        lengths.add(100);
        assertThat(lengths.isKnown()).isTrue();
        assertThat(outlook(0, MOST).mean()).isCloseTo(100, Percentage.withPercentage(13));
    }

    @Test
    void outputsThatAreAllAlikeLeaveNoDoubt() {
        add(100, 6);
        assertThat(lengths.mean()).isEqualTo(6);
        assertThat(outlook(0, MOST)).isEqualTo(new OutputLengths.Outlook(6, 0));
    }

    @Test
    void anOutputIsNotExpectedToBeLongerThanItMayBe() {
        add(100, 1000);
        assertThat(outlook(0, 50)).isEqualTo(new OutputLengths.Outlook(50, 0));
    }

    @Test
    void whoHasOutlivedTheShortOnesIsExpectedToBeALongOne() {
        for (int i = 0; i < 50; i++) {
            lengths.add(10);
            lengths.add(1000);
        }
        assertThat(outlook(0, MOST).mean()).isCloseTo(505, Percentage.withPercentage(13));
        assertThat(outlook(20, MOST).mean()).isCloseTo(1000, Percentage.withPercentage(13));
    }

    @Test
    void atLeastOneTokenMoreIsExpectedOfWhoeverStillWrites() {
        add(100, 1000);
        assertThat(outlook(1003, MOST).mean()).isGreaterThanOrEqualTo(1004);
    }

    @Test
    void whoHasOutlivedAllOthersIsUnknownGround() {
        add(100, 10);
        assertThat(outlook(9, MOST).mean()).isCloseTo(10, Percentage.withPercentage(13));
        assertThat(lengths.outlook(11, MOST)).isNull();
    }

    @Test
    void whatAFlowDidLongAgoIsForgotten() {
        add(1000, 1000);
        add(350, 10);
        assertThat(lengths.mean()).isCloseTo(500, Percentage.withPercentage(10)); // half
        add(3000, 10);
        assertThat(lengths.mean()).isBetween(9f, 15f);
        assertThat(outlook(0, MOST).mean()).isBetween(9.0, 15.0);
    }

    @Test
    void nonsensicallyShortAndLongOutputsAreCounted() {
        add(50, 0);
        add(50, Integer.MAX_VALUE);
        assertThat(outlook(0, 100).mean()).isBetween(50.0, 100.0);
    }

    @Test
    void anOutlookIsThatOfAllLengthsWithinTheWidthOfABucket() {
        for (long seed = 0; seed < 50; seed++) {
            var random = new Random(seed);
            var learned = new OutputLengths();
            List<Integer> all = new ArrayList<>();
            double scale = 2 + random.nextInt(500);
            for (int i = 0; i < 400; i++) {
                int length = 1 + (int) (scale * Math.exp(random.nextGaussian()));
                learned.add(length);
                all.add(length);
            }
            for (int longerThan : new int[] {0, 3, 7, 15, 63}) { // where a bucket begins
                OutputLengths.Outlook outlook = learned.outlook(longerThan, MOST);
                double expected = meanOf(all, longerThan);
                if (outlook == null) continue;
                assertThat(outlook.mean())
                        .as("seed %d, longer than %d", seed, longerThan)
                        .isCloseTo(expected, Percentage.withPercentage(13));
            }
        }
    }

    /// The mean of those that were longer, the latest counting most.
    private static double meanOf(List<Integer> all, int longerThan) {
        double weight = 0;
        double sum = 0;
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i) <= longerThan) continue;
            double its = Math.pow(KEPT, all.size() - 1 - i);
            weight += its;
            sum += its * all.get(i);
        }
        return sum / weight;
    }

    private void add(int count, int length) {
        for (int i = 0; i < count; i++) lengths.add(length);
    }

    private OutputLengths.Outlook outlook(int longerThan, int most) {
        return Invariant.present(lengths.outlook(longerThan, most), "nothing is known");
    }
}

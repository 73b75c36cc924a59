package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class StepTimeModelTest {
    private static final long MS = 1_000_000;

    private final StepTimeModel times = new StepTimeModel();

    @Test
    void beforeTheFirstStepNothingIsClaimed() {
        assertThat(times.predict(1, 100)).isEqualTo(StepTimeModel.UNKNOWN);
        assertThat(times.leastPerSequenceNs()).isZero();
        assertThat(times.promptTokenNs()).isZero();
    }

    @Test
    void whatStepsCostIsFoundInNoisyTimes() {
        for (long seed = 0; seed < 20; seed++) {
            var random = new Random(seed);
            var learned = new StepTimeModel();
            for (int i = 0; i < 500; i++) {
                int sequences = random.nextInt(64);
                int promptTokens = random.nextInt(3) == 0 ? random.nextInt(1024) : 0;
                double noise = 1 + 0.05 * random.nextGaussian();
                measure(learned, sequences, promptTokens, (long) (law(sequences, promptTokens) * noise));
            }
            int[][] asked = {{1, 0}, {32, 0}, {64, 0}, {0, 512}, {16, 256}, {64, 1024}};
            for (int[] step : asked) {
                assertThat((double) learned.predict(step[0], step[1]))
                        .as("seed %d, %d sequences and %d prompt tokens", seed, step[0], step[1])
                        .isCloseTo(law(step[0], step[1]), Percentage.withPercentage(12));
            }
        }
    }

    @Test
    void aStepThatIsSlowerThanAllOthersChangesLittle() {
        for (int i = 0; i < 100; i++) measure(times, 8, 0, 10 * MS);
        measure(times, 8, 0, 5000 * MS);
        assertThat(times.predict(8, 0)).isBetween(10 * MS, 11 * MS);
    }

    @Test
    void aSlowFirstStepIsSoonForgotten() {
        measure(times, 8, 0, 5000 * MS);
        for (int i = 0; i < 400; i++) measure(times, 8, 0, 10 * MS);
        assertThat(times.predict(8, 0)).isBetween(9 * MS, 11 * MS);
    }

    @Test
    void aDeviceThatHasBecomeSlowerIsFollowed() {
        var random = new Random(2);
        for (int factor = 1; factor <= 3; factor += 2) {
            for (int i = 0; i < 300; i++) {
                int sequences = random.nextInt(64);
                int promptTokens = random.nextInt(512);
                measure(times, sequences, promptTokens, (long) (factor * law(sequences, promptTokens)));
            }
        }
        assertThat((double) times.predict(32, 256)).isCloseTo(3 * law(32, 256), Percentage.withPercentage(5));
    }

    @Test
    void stepsThatTookNoTimeDoNotMakeItDeaf() {
        for (int i = 0; i < 50; i++) measure(times, 8, 0, 0);
        for (int i = 0; i < 400; i++) measure(times, 8, 0, 10 * MS);
        assertThat(times.predict(8, 0)).isBetween(9 * MS, 11 * MS);
    }

    @Test
    void aStepThatEndedBeforeItBeganWasNone() {
        for (int i = 0; i < 100; i++) measure(times, 8, 0, 10 * MS);
        measure(times, 8, 0, -3_600_000 * MS);
        assertThat(times.predict(8, 0)).isBetween(9 * MS, 11 * MS);
    }

    @Test
    void whateverItLearnsNoStepTakesLessThanNothingAndMoreTokensNeverTakeLess() {
        for (long seed = 0; seed < 200; seed++) {
            var random = new Random(seed);
            var learned = new StepTimeModel();
            for (int i = 0; i < 100; i++) {
                measure(learned, random.nextInt(256), random.nextInt(4096), (long)
                        (1 + 1e9 * Math.pow(random.nextDouble(), 4)));
                int sequences = random.nextInt(256);
                int promptTokens = random.nextInt(4096);
                long predicted = learned.predict(sequences, promptTokens);
                assertThat(predicted).as("seed %d", seed).isNotNegative();
                assertThat(learned.predict(sequences + 1, promptTokens))
                        .as("seed %d", seed)
                        .isGreaterThanOrEqualTo(predicted);
                assertThat(learned.predict(sequences, promptTokens + 1))
                        .as("seed %d", seed)
                        .isGreaterThanOrEqualTo(predicted);
            }
        }
    }

    @Test
    void whatWasNotAskedForLongIsStillKnown() {
        var random = new Random(3);
        for (int i = 0; i < 200; i++) {
            int promptTokens = random.nextInt(512);
            measure(times, 8, promptTokens, (long) law(8, promptTokens));
        }
        for (int i = 0; i < 100_000; i++) measure(times, 8, 0, (long) (law(8, 0) * (1 + 0.05 * random.nextGaussian())));
        assertThat((double) times.predict(8, 512)).isCloseTo(law(8, 512), Percentage.withPercentage(20));
        measure(times, 8, 512, (long) law(8, 512));
        assertThat((double) times.predict(8, 512)).isCloseTo(law(8, 512), Percentage.withPercentage(20));
    }

    @Test
    void whatATokenAttendsToIsFoundToo() {
        var random = new Random(4);
        for (int i = 0; i < 300; i++) {
            int promptTokens = random.nextInt(200);
            int position = random.nextInt(8000);
            double ns = law(8, promptTokens) + 100.0 * promptTokens * position;
            times.measure(8, promptTokens, (double) promptTokens * position, (long) ns);
        }
        assertThat(times.pairNs()).isCloseTo(100, Percentage.withPercentage(5));
        assertThat(times.promptTokenNs()).isCloseTo(0.02 * MS, Percentage.withPercentage(15));
        assertThat((double) times.predict(8, 0)).isCloseTo(law(8, 0), Percentage.withPercentage(5));
    }

    @Test
    void aSliceCostsWhatItAddsToItsStepWithWhatIsProposedToIt() {
        var random = new Random(5);
        for (int i = 0; i < 300; i++) {
            int proposed = random.nextInt(64);
            int promptTokens = random.nextInt(3) == 0 ? random.nextInt(512) : 0;
            int sequences = random.nextInt(64);
            times.measure(
                    sequences, proposed, promptTokens, 0, (long) (law(sequences, promptTokens) + 0.05 * MS * proposed));
        }
        var plan = new StepPlan(new ModelLimits(16, 4, 64, 64, 8, 50, 0));
        int[] tokens = new int[64];
        int[] blocks = new int[16];
        plan.add(tokens, 8, 1, blocks, 3);
        plan.sample(SamplingParams.GREEDY, tokens, 4, new int[0]);
        plan.add(tokens, 8, 1, blocks, 3);
        plan.propose(tokens, 3);
        plan.sample(SamplingParams.GREEDY, tokens, 4, new int[0]);
        plan.add(tokens, 0, 10, blocks, 3);
        assertThat(times.sliceNs(plan, 0)).isCloseTo(0.1 * MS, Percentage.withPercentage(5));
        assertThat(times.sliceNs(plan, 1)).isCloseTo((0.1 + 3 * 0.05) * MS, Percentage.withPercentage(5));
        assertThat(times.sliceNs(plan, 2)).isCloseTo(10 * 0.02 * MS, Percentage.withPercentage(5));
    }

    @Test
    void whatASequenceCostsAtLeastIsItsPartOfTheLargestBatch() {
        for (int i = 0; i < 300; i++) measure(times, 1 + i % 40, 0, (long) law(1 + i % 40, 0));
        assertThat(times.leastPerSequenceNs()).isCloseTo(law(40, 0) / 40, Percentage.withPercentage(2));
    }

    /// A step whose prompt tokens have nothing before them.
    private static void measure(StepTimeModel model, int sequences, int promptTokens, long ns) {
        model.measure(sequences, promptTokens, 0, ns);
    }

    /// 5 ms, 0.1 ms for each sequence that writes and 0.02 ms for each prompt token; in nanoseconds.
    private static double law(int sequences, int promptTokens) {
        return (5 + 0.1 * sequences + 0.02 * promptTokens) * MS;
    }
}

package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/// Twenty blocks of two tokens.
class ReservationsTest {
    private static final int BLOCKS = 20;
    private static final ModelLimits LIMITS = new ModelLimits(BLOCKS, 2, 1000, 512, 64, 100_000, 0);
    private static final TrafficClass GUARANTEED =
            ClassTerms.named("guaranteed", 0).guaranteed().terms();
    private static final TrafficClass NINE_IN_TEN =
            ClassTerms.named("nine-in-ten", 1).reserve(0.9).terms();

    private final RunningSequences running = new RunningSequences(LIMITS);
    private final Reservations reservations = running.reservations;

    @Test
    void untilOutputsAreKnownTheLongestIsReserved() {
        Sequence sequence = running.run(request().promptLength(4).maxNewTokens(10));
        assertThat(sequence.reservedTokens()).isEqualTo(14);
        assertThat(sequence.reservedBlocks()).isEqualTo(7);
        assertThat(sequence.reservedMarginSquared()).isZero();
    }

    @Test
    void onceTheyAreKnownTheMeanIsReservedAndAMarginForWhatVaries() {
        for (int i = 0; i < 100; i++) running.learn(request().in(NINE_IN_TEN), i % 2 == 0 ? 2 : 6);
        Sequence sequence =
                running.run(request().in(NINE_IN_TEN).promptLength(4).maxNewTokens(100));
        assertThat(sequence.reservedTokens()).isEqualTo(4 + 5); // 4 and a little, the latest counting most
        double deviations = 1.282 * 2 / LIMITS.blockSize();
        assertThat(sequence.reservedMarginSquared()).isCloseTo(deviations * deviations, Offset.offset(0.01));
    }

    @Test
    void aClassThatIsToBeSureReservesTheLongestOutput() {
        TrafficClass sure = ClassTerms.named("sure", 1).reserve(1).terms();
        for (int i = 0; i < 100; i++) running.learn(request().in(sure), 2);
        assertThat(running.run(request().in(sure).promptLength(4).maxNewTokens(10))
                        .reservedTokens())
                .isEqualTo(14);
    }

    @Test
    void aGuaranteedSequenceReservesItsLongestOutputWhateverIsKnown() {
        for (int i = 0; i < 100; i++) running.learn(request().in(GUARANTEED), 2);
        Sequence sequence = running.run(request().in(GUARANTEED).promptLength(4).maxNewTokens(10));
        assertThat(sequence.reservedTokens()).isEqualTo(14);
        assertThat(sequence.reservedMarginSquared()).isZero();
    }

    @Test
    void noMoreIsReservedThanTheOutputMayHave() {
        for (int i = 0; i < 100; i++) running.learn(request().in(NINE_IN_TEN), 500);
        Sequence sequence =
                running.run(request().in(NINE_IN_TEN).promptLength(4).maxNewTokens(3));
        assertThat(sequence.reservedTokens()).isEqualTo(7);
        assertThat(sequence.reservedMarginSquared()).isZero();
    }

    @Test
    void aTenantIsKnownByItsOwnOutputsElseByItsClassElseByAll() {
        TrafficClass other = ClassTerms.named("other", 1).terms();
        for (int i = 0; i < 100; i++) running.learn(request().of("long").in(NINE_IN_TEN), 7);
        for (int i = 0; i < 100; i++) running.learn(request().of("short").in(NINE_IN_TEN), 1);
        for (int i = 0; i < 100; i++) running.learn(request().of("short").in(other), 1);
        assertThat(expected("long", NINE_IN_TEN)).isEqualTo(1 + 7);
        assertThat(expected("short", NINE_IN_TEN)).isEqualTo(1 + 1);
        assertThat(expected("unknown", NINE_IN_TEN)).isEqualTo(1 + 4); // as many long as short, rounded up
        TrafficClass unknown = ClassTerms.named("unknown", 1).terms();
        assertThat(expected("unknown", unknown)).isEqualTo(1 + 3); // twice as many short
    }

    private int expected(String tenant, TrafficClass trafficClass) {
        Sequence sequence = running.run(request().of(tenant).in(trafficClass).maxNewTokens(100));
        int tokens = sequence.reservedTokens();
        running.end(sequence);
        return tokens;
    }

    @Test
    void whoOutgrowsWhatWasExpectedIsExpectedToGrowOn() {
        for (int i = 0; i < 100; i++) running.learn(request().in(NINE_IN_TEN), i % 2 == 0 ? 1 : 7);
        Sequence sequence =
                running.run(request().in(NINE_IN_TEN).promptLength(1).maxNewTokens(100));
        int expected = sequence.reservedTokens();
        while (sequence.tokenCount() <= expected) {
            assertThat(sequence.reservedTokens()).isEqualTo(expected);
            running.write(sequence, 9);
            reservations.outgrow(sequence);
        }
        assertThat(sequence.reservedTokens()).isEqualTo(1 + 7); // the short ones have ended by now
        assertThat(sequence.flow().account().reservedCount()).isEqualTo(sequence.reservedBlocks());
    }

    @Test
    void twoThatGrowFitIfTheyDoAtTheMomentWhenTheFirstOfThemEnds() {
        Sequence first = running.run(request().promptLength(8).maxNewTokens(12)); // four blocks, ten in the end
        reservations.survey(running.list);
        // Four blocks at once, and as many as the first when that ends.
        assertThat(reservations.fits(running.arrive(request().prompt(100, 8).maxNewTokens(30))))
                .isTrue();
        // One block more at once.
        assertThat(reservations.fits(running.arrive(request().prompt(100, 10).maxNewTokens(30))))
                .isFalse();
        assertThat(reservations.peak(running.list)).isEqualTo(10);
        running.end(first);
        assertThat(reservations.peak(running.list)).isZero();
    }

    @Test
    void aPromptIsThereAtOnceHoweverLittleOfItIsComputed() {
        running.run(request().promptLength(2).maxNewTokens(18)); // one block, ten in the end
        Sequence next = running.arrive(request().prompt(100, 20).maxNewTokens(20)); // ten, twenty in the end
        reservations.survey(running.list);
        assertThat(reservations.fits(next)).isFalse();
        running.start(next); // whatever was said
        assertThat(reservations.peak(running.list)).isEqualTo(19 + 10);
    }

    @Test
    void whereLongestOutputsAreReservedNobodyEverLosesItsBlocks() {
        TrafficClass sure = ClassTerms.named("sure", 1).reserve(1).terms();
        for (long seed = 0; seed < 100; seed++) {
            var random = new Random(seed);
            // Blocks of one token, and prompts that take one step: all grow at the same pace, as is assumed.
            var harness = new SchedulerHarness(new ModelLimits(2 * BLOCKS, 1, 1000, 512, 8, 100_000, 0), 512);
            for (int i = 0; i < 30; i++) {
                int prompt = 1 + random.nextInt(20);
                var caller = new Caller(new Tenant("t" + i % 7, 1, 0, 1), sure);
                harness.submit(caller, "r" + i, 100 * i, prompt, 1 + random.nextInt(20), 1);
            }
            while (!harness.scheduler.isIdle()) harness.step();
            assertThat(harness.scheduler.counts().preemptions())
                    .as("seed %d", seed)
                    .isZero();
        }
    }

    @Test
    void whoEndsSoonLeavesItsBlocksToWhoGrowsLong() {
        running.run(request().promptLength(20).maxNewTokens(2)); // eleven blocks, soon none
        reservations.survey(running.list);
        // Fourteen blocks in the end, two when the other ends.
        assertThat(reservations.fits(running.arrive(request().prompt(100, 2).maxNewTokens(26))))
                .isTrue();
    }

    @Test
    void askingWhetherOneFitsReservesNothing() {
        running.run(request().promptLength(20)); // eleven blocks
        Sequence next = running.arrive(request().prompt(100, 16)); // nine
        reservations.survey(running.list);
        for (int i = 0; i < 3; i++) assertThat(reservations.fits(next)).isTrue();
    }

    @Test
    void whoIsAboutToLeaveCountsAsGone() {
        Sequence leaving = running.run(request().promptLength(20).maxNewTokens(10));
        Sequence next = running.arrive(request().prompt(100, 20).maxNewTokens(10));
        reservations.survey(running.list);
        assertThat(reservations.fits(next)).isFalse();
        leaving.setLeaving(true);
        reservations.survey(running.list);
        assertThat(reservations.fits(next)).isTrue();
    }

    @Test
    void prefixesThatAreKeptForOthersAreNoRoom() {
        running.end(running.run(request().of(new Tenant("owner", 1, 0.5, 1)).promptLength(21)));
        reservations.survey(running.list);
        assertThat(reservations.fits(
                        running.arrive(request().of("b").prompt(100, 10).maxNewTokens(10))))
                .isTrue();
        assertThat(reservations.fits(
                        running.arrive(request().of("b").prompt(100, 10).maxNewTokens(11))))
                .isFalse();
    }

    @Test
    void aTenantsCeilingBindsWhatItsSequencesAreExpectedToNeed() {
        var capped = new Tenant("capped", 1, 0, 0.5);
        Sequence first = running.run(request().of(capped).promptLength(2).maxNewTokens(8)); // five of ten blocks
        assertThat(reservations.isBelowCeiling(
                        running.arrive(request().of(capped).maxNewTokens(9))))
                .isTrue();
        assertThat(reservations.isBelowCeiling(
                        running.arrive(request().of(capped).maxNewTokens(10))))
                .isFalse();
        running.end(first);
        assertThat(reservations.isBelowCeiling(
                        running.arrive(request().of(capped).maxNewTokens(19))))
                .isTrue();
        assertThat(first.flow().account().reservedCount()).isZero();
        assertThat(first.reservedBlocks()).isZero();
    }

    @Test
    void whatGuaranteedSequencesMayNeedInAllNeverExceedsTheCache() {
        for (long seed = 0; seed < 50; seed++) {
            var random = new Random(seed);
            var all = new RunningSequences(LIMITS);
            List<Sequence> open = new ArrayList<>();
            for (int round = 0; round < 200; round++) {
                if (random.nextBoolean()) {
                    Sequence next = all.arrive(request()
                            .in(random.nextBoolean() ? GUARANTEED : NINE_IN_TEN)
                            .prompt(round * 10, 1 + random.nextInt(8))
                            .maxNewTokens(1 + random.nextInt(20)));
                    all.reservations.survey(all.list);
                    if (all.blocks.missing(next) > all.blocks.available(next) || !all.reservations.fits(next)) continue;
                    all.start(next);
                    all.compute(next);
                    open.add(next);
                } else if (!open.isEmpty()) {
                    Sequence ended = open.remove(random.nextInt(open.size()));
                    // An output that was shorter than it might have been.
                    ended.countSampled();
                    all.reservations.learn(ended);
                    all.end(ended);
                }
                int promised = open.stream()
                        .filter(Sequence::isGuaranteed)
                        .mapToInt(
                                sequence -> LIMITS.blocksFor(sequence.request().tokenCountMax()))
                        .sum();
                assertThat(promised).as("seed %d round %d", seed, round).isLessThanOrEqualTo(BLOCKS);
            }
        }
    }

    @Test
    void aGuaranteeCountsOnNobodysEndingInTime() {
        Sequence other =
                running.run(request().in(GUARANTEED).promptLength(20).maxNewTokens(2)); // ten now, eleven in the end
        reservations.survey(running.list);
        RequestBuilder small = request().prompt(100, 2).maxNewTokens(18); // one now, ten in the end
        assertThat(reservations.fits(running.arrive(small.in(NINE_IN_TEN)))).isTrue();
        assertThat(reservations.fits(running.arrive(small.in(GUARANTEED)))).isFalse();
        running.end(other);
        reservations.survey(running.list);
        assertThat(reservations.fits(running.arrive(small.in(GUARANTEED)))).isTrue();
    }

    @Test
    void deviationsAreThoseOfTheNormalDistribution() {
        assertThat(Reservations.deviations(0.5)).isZero();
        assertThat(Reservations.deviations(0.9)).isEqualTo(1.282);
        assertThat(Reservations.deviations(0.95)).isEqualTo(1.645);
        assertThat(Reservations.deviations(0.999)).isEqualTo(3.09);
        assertThat(Reservations.deviations(0.85)).isBetween(0.95, 1.07);
        double before = 0;
        for (double quantile = 0.001; quantile <= 1; quantile += 0.001) {
            assertThat(Reservations.deviations(quantile)).isGreaterThanOrEqualTo(before);
            before = Reservations.deviations(quantile);
        }
    }
}

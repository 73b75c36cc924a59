package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.device.RunnerHarness.Sequence;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Sequences whose blocks go to host memory and come back, on every runner.
class ParkingTest {
    private static final long SEED = 71;
    private static final int NEW_TOKENS = 40;

    private final Random random = new Random(SEED);
    private final SamplingParams sampled = RunnerKind.eventful(7);

    @ParameterizedTest
    @EnumSource
    void aSequenceThatWasParkedGoesOnInOtherBlocksAsIfNothingHadHappened(RunnerKind kind) {
        for (int blockSize : new int[] {4, 16}) {
            int[] prompt = prompt(37);
            try (LogitsRunner runner = open(kind, blockSize, 256, 256)) {
                RunnerHarness harness = new RunnerHarness(runner, random);
                Sequence undisturbed = harness.sequence(prompt, sampled);
                harness.generate(List.of(undisturbed), 16, NEW_TOKENS);

                Sequence parked = harness.sequence(prompt, sampled);
                int timesParked = 0;
                while (parked.output().length < NEW_TOKENS) {
                    harness.clearPlan();
                    harness.add(parked, Math.min(16, parked.uncomputed()));
                    harness.stepAndAppend(parked);
                    if (parked.output().length % 11 != 5) continue;
                    harness.clearPlan();
                    harness.park(parked);
                    harness.step(); // copies and nothing else
                    overwriteAllBlocks(harness);
                    timesParked++;
                    harness.clearPlan();
                    harness.bringBack(parked);
                    harness.step();
                }
                assertThat(timesParked).isEqualTo(4);
                assertThat(parked.output()).as("seed %d", SEED).isEqualTo(undisturbed.output());
            }
        }
    }

    /// The blocks that one gives up are those that the other gets, in the same step, which also computes both.
    @ParameterizedTest
    @EnumSource
    void aStepCopiesOutBeforeItCopiesInAndBothBeforeItComputes(RunnerKind kind) {
        int[] prompt = prompt(60);
        int[] other = prompt(60);
        try (LogitsRunner runner = open(kind, 16, 64, 128)) { // one of them fits the device, both the host
            RunnerHarness harness = new RunnerHarness(runner, random);
            int[] expected = alone(harness, prompt);
            int[] expectedOther = alone(harness, other);

            Sequence first = harness.sequence(prompt, sampled);
            Sequence second = harness.sequence(other, sampled);
            harness.clearPlan();
            harness.add(first, 60);
            harness.stepAndAppend(first);
            harness.clearPlan();
            harness.park(first);
            harness.add(second, 60);
            harness.stepAndAppend(second);
            for (int i = 0; i < 3; i++) {
                harness.clearPlan();
                harness.park(second);
                harness.bringBack(first);
                harness.add(first, 1);
                harness.stepAndAppend(first);
                harness.clearPlan();
                harness.park(first);
                harness.bringBack(second);
                harness.add(second, 1);
                harness.stepAndAppend(second);
            }
            assertThat(first.output()).isEqualTo(expected);
            assertThat(second.output()).isEqualTo(expectedOther);
        }
    }

    private int[] alone(RunnerHarness harness, int[] prompt) {
        Sequence alone = harness.sequence(prompt, sampled);
        harness.generate(List.of(alone), 60, 4);
        return alone.output();
    }

    @ParameterizedTest
    @EnumSource
    void aRunnerWithoutHostMemoryTakesPlansWithoutCopies(RunnerKind kind) {
        try (LogitsRunner runner = open(kind, 16, 64, 0)) {
            assertThat(runner.limits().hostBlockCount()).isZero();
            assertThat(new StepPlan(runner.limits()).copiesOutCount()).isZero();
            RunnerHarness harness = new RunnerHarness(runner, random);
            Sequence sequence = harness.sequence(prompt(20));
            harness.generate(List.of(sequence), 8, 2);
            assertThat(sequence.output()).hasSize(2);
        }
    }

    /// Sequences that together take every block, at once.
    private void overwriteAllBlocks(RunnerHarness harness) {
        List<Sequence> others = new ArrayList<>();
        harness.clearPlan();
        while (harness.freeTokens() > 0) {
            int length = Math.min(50, harness.freeTokens());
            others.add(harness.sequence(prompt(length)));
            harness.add(others.getLast(), length);
        }
        harness.step();
        others.forEach(harness::free);
    }

    private int[] prompt(int length) {
        return random.ints(length, 0, RandomModel.TINY.vocabSize()).toArray();
    }

    private static LogitsRunner open(RunnerKind kind, int blockSize, int cacheTokens, int parkTokens) {
        return kind.open(new RandomModel(RandomModel.TINY, 11).files(), blockSize, cacheTokens, parkTokens);
    }
}

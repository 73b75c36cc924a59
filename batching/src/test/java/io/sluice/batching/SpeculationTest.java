package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// How many tokens are proposed, on a device whose steps take what a test says, and with guesses that are right as
/// often.
class SpeculationTest {
    private static final ModelLimits LIMITS = new ModelLimits(4096, 4, 2048, 256, 64, 50, 0);
    private static final int TOKENS_MAX = 4;
    private static final EngineSettings SETTINGS = new EngineSettings(64, false, 64, 1_000_000, EngineSettings.STALL_NS)
            .with(new SpeculationSettings(SpeculationSettings.Kind.DRAFT, TOKENS_MAX));
    private static final int OUTPUT = 1200;
    private static final double MS = 1e6;

    private long nowNs;

    /// A device that takes a constant, and so much for each row beyond the first of a sequence and for each sequence.
    private final class Device implements ModelRunner {
        private final FingerprintRunner inner = new FingerprintRunner(LIMITS);
        private final double stepMs;
        private final double sequenceMs;
        private final double proposedMs;

        Device(double stepMs, double sequenceMs, double proposedMs) {
            this.stepMs = stepMs;
            this.sequenceMs = sequenceMs;
            this.proposedMs = proposedMs;
        }

        @Override
        public ModelLimits limits() {
            return LIMITS;
        }

        @Override
        public int proposedMax() {
            return SpeculationSettings.TOKENS_MAX;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            InFlightStep step = inner.launch(plan);
            return () -> {
                double ms = stepMs + sequenceMs * plan.sliceCount() + proposedMs * plan.proposedTokens();
                nowNs += (long) (ms * MS);
                return step.await();
            };
        }

        @Override
        public void close() {}
    }

    /// Knows what comes next, and says it as often as it is told to.
    private static final class Oracle implements Proposer {
        private final Random random = new Random(5);
        private final Map<GenerationRequest, int[]> truths = new HashMap<>();
        private final DoubleSupplier share;

        Oracle(DoubleSupplier share) {
            this.share = share;
        }

        @Override
        public void propose(@Nullable Sequence[] sequences, int count) {
            for (int i = 0; i < count; i++) {
                Sequence sequence = Invariant.present(sequences[i], "a sequence");
                GenerationRequest asked = sequence.request();
                int[] truth = truths.computeIfAbsent(
                        asked,
                        _ -> UnbatchedModel.answer(asked, sequence.sampling().seed(), 50)
                                .tokens());
                for (int j = 0; j < sequence.proposal().wanted(); j++) {
                    int right = truth[sequence.tokenCount() + j];
                    sequence.proposal().add(random.nextDouble() < share.getAsDouble() ? right : (right + 1) % 50);
                }
            }
        }
    }

    /// What a run came to.
    private record Outcome(EngineStats.Speculated speculated, long steps, long ns) {
        double proposedPerStep() {
            return (double) speculated.proposed() / steps;
        }
    }

    @Test
    void guessesThatCostNextToNothingAreTakenInFullWhenTheyAreRight() {
        Outcome outcome = run(new Device(10, 0.1, 0.2), () -> 0.95, 1);
        assertThat(outcome.proposedPerStep()).isGreaterThan(0.8 * TOKENS_MAX);
        assertThat(outcome.steps).isLessThan(OUTPUT / 3);
    }

    @Test
    void guessesThatAreNeverRightAreTriedNowAndThenOnly() {
        Outcome outcome = run(new Device(10, 0.1, 1.5), () -> 0, 1);
        assertThat(outcome.speculated.accepted()).isZero();
        assertThat(outcome.speculated.heldByAcceptance()).isGreaterThan(outcome.steps * 3 / 4);
        assertThat(outcome.proposedPerStep()).isLessThan(0.25);
    }

    @Test
    void asManyAreProposedAsAreLikelyEnoughToBeRight() {
        double rare = run(new Device(10, 0.1, 1.5), () -> 0.3, 1).proposedPerStep();
        double frequent = run(new Device(10, 0.1, 1.5), () -> 0.7, 1).proposedPerStep();
        assertThat(rare).isBetween(0.2, 1.6);
        assertThat(frequent).isGreaterThan(rare + 0.8);
    }

    @Test
    void inALargeBatchEvenACertainGuessIsNotWorthItsPlace() {
        Outcome busy = run(new Device(1, 1, 1), () -> 1, 32);
        Outcome idle = run(new Device(10, 0.1, 0.2), () -> 1, 32);
        assertThat(busy.speculated.heldByLoad()).isPositive();
        assertThat(busy.proposedPerStep()).isLessThan(8);
        assertThat(idle.proposedPerStep()).isGreaterThan(40);
    }

    @Test
    void whatTextIsLikeMayChangeAndIsNoticed() {
        int[] asked = {0};
        Outcome outcome = run(new Device(10, 0.1, 1.5), () -> asked[0]++ < 36 ? 0 : 1, 1);
        assertThat(outcome.speculated.accepted()).isGreaterThan(OUTPUT / 4);
    }

    @Test
    void timeIsNeverLostMuchWhateverGuessesCostAndAreWorth() {
        for (double proposedMs : new double[] {0.05, 1, 5}) {
            for (double share : new double[] {0, 0.3, 0.6, 1}) {
                for (int count : new int[] {1, 8}) {
                    long plainNs = (long) (OUTPUT * (10 + count * 0.5) * MS);
                    Outcome outcome = run(new Device(10, 0.5, proposedMs), () -> share, count);
                    assertThat((double) outcome.ns / plainNs)
                            .as("%s ms, %s right, %d sequences", proposedMs, share, count)
                            .isLessThan(1.25);
                }
            }
        }
    }

    @Test
    void promptsHaveTheStepsTimeForThemselves() {
        var loop = loop(new Device(10, 0.1, 0.1), () -> 1);
        submit(loop, 0, 4, 300);
        turns(loop, 20);
        long before = loop.stats().speculated().proposed();
        assertThat(before).isPositive();
        submit(loop, 1, 1500, 1);
        turns(loop, 3);
        assertThat(loop.stats().speculated().proposed()).isEqualTo(before);
        assertThat(loop.stats().speculated().heldByPrompts()).isPositive();
    }

    @Test
    void whoDoesNotRunAnyMoreWantsNoGuesses() {
        EngineParts.Core core = new EngineParts.WithDraft((_, _) -> {}).core(LIMITS, SETTINGS, new Random(1));
        var arrivals = new Arrivals(LIMITS.blockCount());
        SequenceList running = SequenceList.byPrecedence();
        for (int i = 0; i < 2; i++) {
            Sequence sequence =
                    arrivals.arrive(request().id("request-" + i).prompt(0, 4).maxNewTokens(50));
            core.blocks().adopt(sequence.flow().account());
            sequence.start(0);
            sequence.setStartOrder(i);
            sequence.advance(3);
            core.blocks().cover(sequence, 4);
            running.insert(sequence);
        }
        Sequence preempted = running.get(1);
        propose(core, running);
        assertThat(preempted.proposal().wanted()).isPositive();
        running.remove(preempted);
        propose(core, running);
        assertThat(running.get(0).proposal().wanted()).isPositive();
        assertThat(preempted.proposal().wanted()).isZero();
    }

    private static void propose(EngineParts.Core core, SequenceList running) {
        core.budget().begin(running);
        core.speculation().propose(running, 100, 0, core.budget());
    }

    @Test
    void aRequestTellsWhatWasProposedToIt() {
        var loop = loop(new Device(10, 0.1, 0.1), () -> 1);
        Timeline timeline = submit(loop, 0, 4, 50);
        turns(loop, 100);
        EngineStats.Speculated all = loop.stats().speculated();
        assertThat(timeline.proposedTokens()).isEqualTo(all.proposed()).isPositive();
        assertThat(timeline.acceptedTokens()).isEqualTo(all.accepted());
        assertThat(all.acceptedAt().at(0))
                .isGreaterThanOrEqualTo(all.acceptedAt().at(3));
    }

    @Test
    void repetitionIsFoundAndGoesOnRepeatingItself() {
        assertThat(guesses(4, 1, 2, 3, 9, 1, 2, 3)).containsExactly(9, 1, 2, 3);
        assertThat(guesses(5, 7, 8, 7, 8, 7, 8)).containsExactly(7, 8, 7, 8, 7);
        assertThat(guesses(3, 5, 5, 5)).containsExactly(5, 5, 5);
        assertThat(guesses(4, 1, 2, 3, 4)).isEmpty();
        assertThat(guesses(4, 1, 2, 9, 2))
                .as("a single token comes back by chance")
                .isEmpty();
        assertThat(guesses(2, 1, 2, 3, 7, 2, 3, 8, 4, 1, 2, 3))
                .as("the longest match, not the latest")
                .containsExactly(7, 2);
        assertThat(guesses(4, 1)).isEmpty();
    }

    private static List<Integer> guesses(int wanted, int... tokens) {
        var proposal = new Proposal();
        proposal.want(wanted);
        NgramProposer.propose(tokens, tokens.length, proposal);
        return Arrays.stream(proposal.tokens()).limit(proposal.count()).boxed().toList();
    }

    private Outcome run(Device device, DoubleSupplier share, int count) {
        nowNs = 0;
        var loop = loop(device, share);
        for (int i = 0; i < count; i++) submit(loop, i, 4, OUTPUT);
        turns(loop, 10_000);
        EngineStats stats = loop.stats();
        return new Outcome(stats.speculated(), stats.work().steps(), nowNs);
    }

    private EngineLoop loop(Device device, DoubleSupplier share) {
        var parts = new EngineParts.WithDraft(new Oracle(share));
        EngineParts.Core core = parts.core(LIMITS, SETTINGS, new Random(1));
        return new EngineLoop(core, parts.scheduler(core), device, () -> nowNs);
    }

    private static Timeline submit(EngineLoop loop, int id, int promptLength, int maxNewTokens) {
        GenerationRequest asked = request()
                .id("request-" + id)
                .prompt(0, promptLength)
                .maxNewTokens(maxNewTokens)
                .build();
        return switch (loop.submit(asked, Attempt.FIRST, () -> {})) {
            case Admission.Admitted(var _, var timeline) -> timeline;
            case Admission.Refused refused -> throw new AssertionError(refused);
        };
    }

    private static void turns(EngineLoop loop, int most) {
        var failures = new ArrayList<Exception>();
        try {
            for (int i = 0; i < most && loop.turn() != EngineLoop.Turn.IDLE; i++) loop.checkInvariants();
        } catch (Exception failure) {
            failures.add(failure);
        }
        assertThat(failures).isEmpty();
    }
}

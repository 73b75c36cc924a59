package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StepBudgetTest {
    private static final long MS = 1_000_000;
    private static final int STEP_TOKENS_MAX = 512;
    private static final TrafficClass NO_TARGET = ClassTerms.named("patient", 1).terms();
    private static final TrafficClass WITHIN_20_MS =
            ClassTerms.named("hasty", 1).tokenGapTargetNs(20 * MS).terms();

    private final StepTimeModel times = new StepTimeModel();
    private final StepBudget budget = new StepBudget(new ModelLimits(64, 4, 4096, STEP_TOKENS_MAX, 32, 100, 0), times);
    private final SequenceList running = SequenceList.byPrecedence();
    private final Arrivals arrivals = new Arrivals(64);

    @Test
    void withNobodyWaitingForATokenAPromptGetsTheWholeStep() {
        learn(10);
        reading(NO_TARGET);
        budget.survey(running);
        assertThat(budget.promptTokensMax()).isEqualTo(STEP_TOKENS_MAX);
    }

    @Test
    void beforeAnythingIsMeasuredAPromptGetsTheWholeStep() {
        writing(NO_TARGET);
        budget.survey(running);
        assertThat(budget.promptTokensMax()).isEqualTo(STEP_TOKENS_MAX);
        assertThat(budget.hasTimeForOneMore(writing(WITHIN_20_MS))).isTrue();
    }

    @Test
    void withoutATargetPromptTokensMakeAStepAtMostTwiceAsLong() {
        learn(10);
        for (int i = 0; i < 4; i++) writing(NO_TARGET);
        reading(NO_TARGET);
        budget.survey(running);
        int tokens = budget.promptTokensMax();
        long alone = times.predict(4, 0);
        assertThat(times.predict(4, tokens)).isLessThanOrEqualTo(2 * alone);
        assertThat(times.predict(4, tokens + 1)).isGreaterThan(2 * alone * 9 / 10);
    }

    @Test
    void withATargetTheyMakeItAtMostAsLongAsThat() {
        learn(10);
        for (int i = 0; i < 4; i++) writing(NO_TARGET);
        writing(WITHIN_20_MS);
        budget.survey(running);
        int tokens = budget.promptTokensMax();
        assertThat(times.predict(5, tokens)).isBetween(18 * MS, 20 * MS); // with caution
    }

    @Test
    void aTargetThatCannotBeKeptLeavesPromptsAFewTokensAllTheSame() {
        learn(50);
        writing(WITHIN_20_MS);
        budget.survey(running);
        assertThat(budget.promptTokensMax()).isEqualTo(16);
    }

    /// Prompts of one length: it cannot be told what their tokens cost by themselves, and what for those
    /// before them.
    @Test
    void theFewTokensAreThereAlsoForPromptsOfOneLength() {
        for (int i = 0; i < 300; i++) {
            int promptTokens = i % 2 * 400;
            times.measure(1 + i % 10, promptTokens, promptTokens * 200, 50 * MS + promptTokens * MS / 10);
        }
        assertThat(times.promptTokenNs()).isLessThan(1); // a hundred thousand, in truth
        writing(WITHIN_20_MS);
        reading(WITHIN_20_MS);
        budget.begin(running);
        assertThat(budget.promptTokensWithin(budget.promptNs(), 200, 400)).isBetween(12, 16);
    }

    @Test
    void promptsThatCostNothingAreNotHeldBackByATargetThatCannotBeKept() {
        for (int i = 0; i < 300; i++) times.measure(1 + i % 10, i % 100, i % 100 * 50.0, 50 * MS);
        assertThat(budget.promptNs(100, 0)).isLessThan(1);
        writing(WITHIN_20_MS);
        reading(WITHIN_20_MS);
        budget.begin(running);
        assertThat(budget.promptTokensWithin(budget.promptNs(), 0, 100)).isEqualTo(100);
    }

    @Test
    void nobodyIsKeptFromStartingForWhatTheFirstStepsTook() {
        for (int i = 0; i < 7; i++) {
            times.measure(1, 0, 0, 500 * MS);
            writing(WITHIN_20_MS);
            budget.survey(running);
            assertThat(budget.hasTimeForOneMore(arrivals.arrive(request().in(WITHIN_20_MS))))
                    .isTrue();
        }
        times.measure(1, 0, 0, 500 * MS);
        assertThat(budget.hasTimeForOneMore(arrivals.arrive(request().in(WITHIN_20_MS))))
                .isFalse();
    }

    @Test
    void stepsThatGetSlowerLeaveLessRoom() {
        learn(10);
        writing(WITHIN_20_MS);
        budget.survey(running);
        int before = budget.promptTokensMax();
        learn(15);
        assertThat(budget.promptTokensMax()).isBetween(before / 4, before / 2);
        learn(10);
        assertThat(budget.promptTokensMax()).isBetween(before * 9 / 10, before * 11 / 10);
    }

    @Test
    void whoStandsStillWaitsForNoToken() {
        learn(10);
        Sequence lagging = writing(WITHIN_20_MS);
        lagging.pause(0);
        budget.survey(running);
        assertThat(budget.writing()).isZero();
        assertThat(budget.promptTokensMax()).isEqualTo(STEP_TOKENS_MAX);
    }

    @Test
    void aPromptsTargetBindsNobodyUntilItWrites() {
        learn(10);
        reading(WITHIN_20_MS);
        writing(NO_TARGET);
        budget.survey(running);
        int tokens = budget.promptTokensMax();
        assertThat(times.predict(1, tokens)).isLessThanOrEqualTo(2 * times.predict(1, 0));
        assertThat(times.predict(1, tokens + 1)).isGreaterThan(2 * times.predict(1, 0) * 9 / 10);
    }

    @Test
    void theTokensThatFitAreTheMostThatDo() {
        for (int i = 0; i < 500; i++) {
            int promptTokens = i * 7 % 500;
            int position = i * 31 % 4000;
            double pairs = (double) promptTokens * position;
            times.measure(4, promptTokens, pairs, (long) (5.0 * MS + promptTokens * 20_000.0 + pairs * 50));
        }
        for (int position = 0; position < 8000; position += 500) {
            for (double ns = 1e6; ns < 40e6; ns += 3e6) {
                int tokens = budget.promptTokensWithin(ns, position, 400);
                if (tokens > 0) assertThat(budget.promptNs(tokens, position)).isLessThanOrEqualTo(ns * 1.0001);
                if (tokens < 400)
                    assertThat(budget.promptNs(tokens + 1, position)).isGreaterThan(ns);
            }
        }
        assertThat(budget.promptTokensWithin(0, 0, 400)).isZero();
        assertThat(budget.promptTokensWithin(Double.POSITIVE_INFINITY, 5000, 400))
                .isEqualTo(400);
    }

    @Test
    void nowAndThenAMixedStepTakesNextToNoPromptSoThatItsOwnTimeIsSeen() {
        learn(10);
        writing(NO_TARGET);
        reading(NO_TARGET);
        int without = 0;
        for (int step = 0; step < 80; step++) {
            budget.begin(running);
            if (budget.promptNs() == 0) without++;
        }
        assertThat(without).isEqualTo(10);
    }

    @Test
    void oneMoreMayWriteAsLongAsAllTargetsAreKept() {
        // A millisecond for each that writes.
        for (int i = 0; i < 300; i++) times.measure(1 + i % 30, 0, 0, (1 + i % 30) * MS);
        for (int i = 0; i < 10; i++) writing(NO_TARGET);
        budget.survey(running);
        Sequence hasty = arrivals.arrive(request().in(WITHIN_20_MS));
        Sequence patient = arrivals.arrive(request().in(NO_TARGET));
        assertThat(budget.hasTimeForOneMore(hasty)).isTrue();
        for (int i = 0; i < 10; i++) writing(NO_TARGET);
        budget.survey(running);
        assertThat(budget.hasTimeForOneMore(hasty)).isFalse();
        assertThat(budget.hasTimeForOneMore(patient)).isTrue();
        running.insert(hasty);
        budget.survey(running);
        assertThat(budget.hasTimeForOneMore(patient)).isFalse();
    }

    /// Steps take so long, and 0.1 ms more for each prompt token.
    private void learn(int aloneMs) {
        for (int i = 0; i < 500; i++) {
            int promptTokens = i * 7 % 500;
            times.measure(1 + i % 10, promptTokens, 0, aloneMs * MS + promptTokens * MS / 10);
        }
    }

    /// A sequence that runs and only writes.
    private Sequence writing(TrafficClass trafficClass) {
        Sequence sequence = arrivals.arrive(request().in(trafficClass));
        running.insert(sequence);
        return sequence;
    }

    /// A sequence whose prompt is being computed.
    private void reading(TrafficClass trafficClass) {
        running.insert(arrivals.arrive(request().promptLength(1000).in(trafficClass)));
    }
}

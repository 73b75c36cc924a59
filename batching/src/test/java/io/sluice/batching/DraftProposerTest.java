package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// A draft model whose tokens follow from what its own cache really holds. The clock stands still, so that nothing is
/// too dear.
class DraftProposerTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 4, 64, 64, 8, 50, 0);
    private static final int OUTPUT = 30;
    private static final EngineSettings SETTINGS =
            new EngineSettings(64, true, 16).with(new SpeculationSettings(SpeculationSettings.Kind.DRAFT, 4));
    private static final Logger LOG = Logger.getLogger(DraftProposer.class.getName());

    @BeforeAll
    static void injectedFailuresAreNotNews() {
        LOG.setLevel(Level.OFF);
    }

    @AfterAll
    static void failuresAreNewsAgain() {
        LOG.setLevel(null);
    }

    /// What came of requests under a draft model.
    private record Outcome(List<List<Integer>> answers, EngineStats.Speculated speculated, int freeBlocks) {}

    @Test
    void aDraftModelThatIsTheModelIsRightEveryTime() {
        var model = new FingerprintRunner(LIMITS);
        Outcome outcome = run(model, new FingerprintRunner(LIMITS), 4);
        assertThat(outcome.answers).isEqualTo(truth(4));
        assertThat(outcome.speculated.accepted()).isPositive().isEqualTo(outcome.speculated.proposed());
        assertThat(model.steps).isLessThan(OUTPUT / 2);
    }

    @Test
    void oneThatErrsNowAndThenIsRightInBetween() {
        for (int errsEvery : new int[] {1, 2, 3, 7, 11}) {
            Outcome outcome = run(new FingerprintRunner(LIMITS), new FingerprintRunner(LIMITS, errsEvery), 4);
            assertThat(outcome.answers).as("errs every %d", errsEvery).isEqualTo(truth(4));
            assertThat(outcome.speculated.accepted()).isLessThan(outcome.speculated.proposed());
            if (errsEvery > 1) assertThat(outcome.speculated.accepted()).isPositive();
            else assertThat(outcome.speculated.accepted()).isZero();
        }
    }

    @Test
    void itsBlocksAreGivenBackWithTheirSequences() {
        Outcome outcome = run(new FingerprintRunner(LIMITS), new FingerprintRunner(LIMITS, 3), 8);
        assertThat(outcome.freeBlocks).isEqualTo(LIMITS.blockCount());
    }

    @Test
    void aCacheTooSmallForAllServesSome() {
        var small = new ModelLimits(14, 4, 64, 64, 8, 50, 0);
        Outcome outcome = run(new FingerprintRunner(LIMITS), new FingerprintRunner(small), 6);
        assertThat(outcome.answers).isEqualTo(truth(6));
        assertThat(outcome.speculated.accepted()).isPositive();
        assertThat(outcome.freeBlocks).isEqualTo(small.blockCount());
    }

    @Test
    void aShorterContextThanTheModelsEndsTheGuesses() {
        var shorter = new ModelLimits(64, 4, 20, 64, 8, 50, 0);
        Outcome outcome = run(new FingerprintRunner(LIMITS), new FingerprintRunner(shorter), 2);
        assertThat(outcome.answers).isEqualTo(truth(2));
        assertThat(outcome.speculated.accepted()).isPositive();
    }

    @Test
    void aLongPromptIsCaughtUpWithAStepsWorthAtATime() {
        var narrow = new ModelLimits(64, 4, 64, 8, 8, 50, 0); // of prompts of a dozen tokens
        Outcome outcome = run(new FingerprintRunner(LIMITS), new FingerprintRunner(narrow), 3);
        assertThat(outcome.answers).isEqualTo(truth(3));
        assertThat(outcome.speculated.accepted()).isPositive();
    }

    @Test
    void aStepThatFailsCostsItsGuessesAndNothingElse() {
        var draft = new FingerprintRunner(LIMITS);
        draft.failNext(2);
        Outcome outcome = run(new FingerprintRunner(LIMITS), draft, 4);
        assertThat(outcome.answers).isEqualTo(truth(4));
        assertThat(outcome.speculated.accepted()).isPositive();
        assertThat(outcome.freeBlocks).isEqualTo(LIMITS.blockCount());
    }

    @Test
    void oneThatFailsAgainAndAgainIsNotAskedAnyMore() {
        var draft = new FingerprintRunner(LIMITS);
        draft.failNext(1000);
        Outcome outcome = run(new FingerprintRunner(LIMITS), draft, 4);
        assertThat(outcome.answers).isEqualTo(truth(4));
        assertThat(outcome.speculated.proposed()).isZero();
        assertThat(draft.steps).isEqualTo(3);
    }

    @Test
    void anotherVocabularyIsRefusedAtTheStart() {
        var other = new FingerprintRunner(new ModelLimits(64, 4, 64, 64, 8, 51, 0));
        var model = new FingerprintRunner(LIMITS);
        assertThatThrownBy(() -> Engine.startWithDraft("test", SETTINGS, () -> model, () -> other))
                .hasMessage("the draft model has 51 tokens, the model 50: both must have the same vocabulary");
        assertThat(other.closed && model.closed).isTrue();
    }

    @Test
    void aDeviceThatTakesNoProposedTokensIsRefusedAtTheStart() {
        EngineSettings ngram = SETTINGS.with(new SpeculationSettings(SpeculationSettings.Kind.NGRAM, 4));
        assertThatThrownBy(() -> Engine.start("test", ngram, () -> new CountingRunner(LIMITS, _ -> {})))
                .hasMessage("up to 4 proposed tokens, but this device takes none: turn speculation off");
    }

    private static Outcome run(FingerprintRunner model, FingerprintRunner draftModel, int count) {
        var draft = new DraftProposer(draftModel);
        var parts = new EngineParts.WithDraft(draft);
        EngineParts.Core core = parts.core(LIMITS, SETTINGS, new Random(1));
        var loop = new EngineLoop(core, parts.scheduler(core), model, () -> 0);
        List<TokenStream> streams = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            if (loop.submit(prompted(i), Attempt.FIRST, () -> {}) instanceof Admission.Admitted(var its, var _))
                streams.addAll(its);
        }
        try {
            while (loop.turn() != EngineLoop.Turn.IDLE) loop.checkInvariants();
        } catch (Exception failure) {
            throw new AssertionError(failure);
        }
        List<List<Integer>> answers =
                streams.stream().map(DraftProposerTest::tokens).toList();
        return new Outcome(answers, core.speculation().speculated(), draft.freeBlocks());
    }

    private static GenerationRequest prompted(int i) {
        return request()
                .id("request-" + i)
                .prompt(3 * i, 5 + i)
                .maxNewTokens(OUTPUT)
                .build();
    }

    private static List<List<Integer>> truth(int count) {
        List<List<Integer>> answers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            GenerationRequest asked = prompted(i);
            int[] all =
                    UnbatchedModel.answer(asked, asked.sampling().seed(), 50).tokens();
            answers.add(Arrays.stream(all).skip(asked.prompt().length).boxed().toList());
        }
        return answers;
    }

    private static List<Integer> tokens(TokenStream stream) {
        List<Integer> tokens = new ArrayList<>();
        for (int i = 0; i < stream.count(); i++) tokens.add(stream.token(i));
        return tokens;
    }
}

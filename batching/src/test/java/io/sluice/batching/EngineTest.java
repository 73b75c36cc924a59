package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The engine on its real thread. Nothing here measures time: whoever waits, waits until told.
@Timeout(60)
class EngineTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 4, 64, 32, 8, 1000);
    private static final EngineSettings SETTINGS = new EngineSettings(64, true, 16);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @Test
    void everyTokenOfARequestArrivesInOrderAndTheStreamEnds() throws InterruptedException {
        try (Engine engine = start(EngineTest::nothing)) {
            TokenStream stream = admitted(engine.submit(request("a", 5, 10, 1))).getFirst();
            assertThat(read(stream)).containsExactly(5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
            TokenStream.Ending ending = stream.ending().orElseThrow();
            assertThat(ending.reason()).isEqualTo(FinishReason.LENGTH);
            assertThat(ending.promptTokens()).isEqualTo(5);
            assertThat(ending.sampledTokens()).isEqualTo(10);
        }
    }

    @Test
    void aRequestThatCanNeverFitIsRefusedWithTheNumbers() {
        try (Engine engine = start(EngineTest::nothing)) {
            var refused = (Admission.Refused) engine.submit(request("a", 60, 5, 1));
            assertThat(refused.reason()).isEqualTo(Admission.Reason.NEVER_FITS);
            assertThat(refused.detail()).contains("60", "5", "64");
        }
    }

    @Test
    void aTokenOutsideTheVocabularyIsNamed() {
        try (Engine engine = start(EngineTest::nothing)) {
            var request = new GenerationRequest(
                    "a",
                    new int[] {1, 1000},
                    5,
                    1,
                    SamplingParams.GREEDY,
                    new int[0],
                    0,
                    GenerationRequest.NO_DEADLINE);
            assertThatThrownBy(() -> engine.submit(request))
                    .isInstanceOf(InvalidRequest.class)
                    .hasMessageContaining("1000");
        }
    }

    @Test
    void closingEndsWhatIsLeftAsFailed() throws InterruptedException {
        Engine engine = start(EngineTest::nothing);
        TokenStream stream = admitted(engine.submit(request("a", 5, 50, 1))).getFirst();
        engine.close();
        read(stream);
        assertThat(stream.ending().orElseThrow().reason()).isIn(FinishReason.FAILED, FinishReason.LENGTH);
        assertThat(engine.isAlive()).isFalse();
        assertThat(engine.submit(request("b", 5, 5, 1)))
                .isInstanceOfSatisfying(
                        Admission.Refused.class,
                        refused -> assertThat(refused.reason()).isEqualTo(Admission.Reason.STOPPED));
    }

    @Test
    void whatTheFactoryThrowsReachesTheCaller() {
        assertThatThrownBy(() -> Engine.start("test", SETTINGS, () -> {
                    throw new IllegalArgumentException("no such model");
                }))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("no such model");
    }

    private static Engine start(IntConsumer onStep) {
        return Engine.start("test", SETTINGS, () -> new CountingRunner(LIMITS, onStep));
    }

    private static void nothing(int step) {}

    private static GenerationRequest request(String id, int promptLength, int maxNewTokens, int choices) {
        int[] prompt = IntStream.range(0, promptLength).toArray();
        return new GenerationRequest(
                id, prompt, maxNewTokens, choices, SamplingParams.GREEDY, new int[0], 0, GenerationRequest.NO_DEADLINE);
    }

    private static List<TokenStream> admitted(Admission admission) {
        return ((Admission.Admitted) admission).streams();
    }

    /// Reads until the stream's end.
    private static List<Integer> read(TokenStream stream) throws InterruptedException {
        int seen = 0;
        while (stream.ending().isEmpty()) seen = stream.await(seen, PATIENCE);
        return IntStream.range(0, stream.count()).map(stream::token).boxed().toList();
    }
}

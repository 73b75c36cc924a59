package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class VirtualEngineTest {
    private static final int WAITING_MAX = 2;
    private static final int END_TOKEN = 0;

    private long nowNs;
    private final CountingDevice device = new CountingDevice();
    private final VirtualEngine engine =
            new VirtualEngine(new EngineSettings(WAITING_MAX, true, 16), device, () -> nowNs, new Random(1));

    /// Every step takes 5 ns of virtual time; the token after position `p` is `p + 1`.
    private final class CountingDevice implements ModelRunner {
        private final ModelLimits limits = new ModelLimits(64, 4, 64, 16, 4, 100, 0);
        private final StepResult result = new StepResult(limits.sequencesMax());

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (plan.samples(slice)) result.set(slice, plan.firstPosition(slice) + plan.length(slice), 0);
            }
            return () -> {
                nowNs += 5;
                return result;
            };
        }

        @Override
        public void close() {}
    }

    @Test
    void requestsAreComputedOnTheCallersClock() {
        TokenStream stream = admitted(3, 2);
        engine.resume();
        assertThat(engine.turn()).isTrue();
        assertThat(stream.count()).isEqualTo(1);
        assertThat(engine.turn()).isTrue();
        assertThat(stream.ending().orElseThrow().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(engine.turn()).isFalse();
        assertThat(nowNs).isEqualTo(10);
        assertThat(engine.stats().work().sampledTokens()).isEqualTo(2);
    }

    @Test
    void askingWhetherARequestWouldBeAdmittedAgreesWithSubmittingItAndChangesNothing() {
        for (int i = 0; i < WAITING_MAX; i++) {
            for (int asked = 0; asked < 10; asked++)
                assertThat(engine.wouldRefuse(request(3, 2))).isEmpty();
            admitted(3, 2);
        }
        assertThat(engine.wouldRefuse(request(3, 2))).isPresent();
        assertThat(engine.submit(request(3, 2))).isInstanceOf(Admission.Refused.class);
        engine.turn(); // they start: the queue is empty again
        assertThat(engine.wouldRefuse(request(3, 2))).isEmpty();
        assertThat(engine.wouldRefuse(request(60, 5))).isPresent(); // never
    }

    private TokenStream admitted(int promptLength, int maxNewTokens) {
        return switch (engine.submit(request(promptLength, maxNewTokens))) {
            case Admission.Admitted(var streams, var _) -> streams.getFirst();
            case Admission.Refused refused -> throw new AssertionError(refused);
        };
    }

    private static GenerationRequest request(int promptLength, int maxNewTokens) {
        return new GenerationRequest(
                "a",
                new int[promptLength],
                maxNewTokens,
                1,
                SamplingParams.GREEDY,
                new int[] {END_TOKEN},
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }
}

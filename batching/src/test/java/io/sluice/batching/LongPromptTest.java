package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A prompt of thousands of tokens beside sequences that write, in virtual time, on devices whose steps cost what
/// steps do: something for the step, for each sequence that writes, for each prompt token, and for each token before
/// it; and now and then more than that.
class LongPromptTest {
    private static final int WRITERS = 8;
    private static final int PROMPT = 8000;
    private static final int OUTPUT = 4000;
    private static final int WARM_UP = 200;

    private final List<Long> stepsNs = new ArrayList<>();
    private final Random random = new Random(5);
    private long nowNs;

    /// What steps of a device take, in microseconds. A value.
    private record Cost(double step, double sequence, double promptToken, double pair, double noise) {}

    private final class CostlyDevice implements ModelRunner {
        private final ModelLimits limits = new ModelLimits(4096, 16, 16_384, 512, 32, 100, 0);
        private final StepResult result = new StepResult(limits.sequencesMax());
        private final Cost cost;

        CostlyDevice(Cost cost) {
            this.cost = cost;
        }

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            double micros = cost.step();
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                int length = plan.length(slice);
                boolean writes = length == 1 && plan.samples(slice);
                micros += writes ? cost.sequence() : length * cost.promptToken();
                if (!writes) micros += length * (plan.firstPosition(slice) + length / 2.0) * cost.pair();
                if (plan.samples(slice)) result.set(slice, 1, 0);
            }
            long ns = (long) (micros * 1000 * Math.exp(cost.noise() * random.nextGaussian()));
            return () -> {
                nowNs += ns;
                stepsNs.add(ns);
                return result;
            };
        }

        @Override
        public void close() {}
    }

    /// A processor with a small model, where what is before a token soon costs more than the token; one with noisy
    /// neighbours; a GPU with a large model, where it hardly counts; one where prompts are nearly free.
    @ParameterizedTest
    @CsvSource({
        "5000, 900, 380, 0.48, 0.1",
        "5000, 900, 380, 0.48, 0.5",
        "8000, 20, 60, 0.002, 0.05",
        "3000, 100, 10, 0.01, 0.2",
        "100, 1000, 1000, 0.01, 0.1"
    })
    void leavesTheOthersWithinTwiceTheirPace(
            double step, double sequence, double promptToken, double pair, double noise) {
        var device = new CostlyDevice(new Cost(step, sequence, promptToken, pair, noise));
        var engine = new VirtualEngine(new EngineSettings(64, false, 256, OUTPUT, 1), device, () -> nowNs, random);
        for (int i = 0; i < WRITERS; i++) submit(engine, 30, OUTPUT);
        engine.resume();
        for (int i = 0; i < WARM_UP; i++) engine.turn();
        long steadyNs = percentile(stepsNs.subList(WARM_UP / 2, WARM_UP), 0.99);
        TokenStream longOne = submit(engine, PROMPT, 1);
        int from = stepsNs.size();
        while (longOne.count() == 0) engine.turn();
        List<Long> during = stepsNs.subList(from, stepsNs.size());
        assertThat(percentile(during, 0.99) / (double) steadyNs)
                .as("inter-token latency while the prompt is computed, over its steady value; 99th percentiles")
                .isLessThan(2.2);
        // And the prompt got on: about half of the time was its own.
        double ownMicros = PROMPT * promptToken + PROMPT * (double) PROMPT / 2 * pair;
        double tookMicros = during.stream().mapToLong(Long::longValue).sum() / 1000.0;
        double alone = step + WRITERS * sequence;
        double leastSteps = PROMPT / 257.0; // slices are bounded, too
        assertThat(tookMicros).isLessThan(3 * Math.max(2 * ownMicros, leastSteps * 2 * alone));
    }

    private static long percentile(List<Long> values, double part) {
        long[] sorted = values.stream().mapToLong(Long::longValue).toArray();
        Arrays.sort(sorted);
        return sorted[(int) (part * (sorted.length - 1))];
    }

    private static TokenStream submit(VirtualEngine engine, int promptLength, int maxNewTokens) {
        var request = new GenerationRequest(
                "a",
                new int[promptLength],
                maxNewTokens,
                1,
                SamplingParams.GREEDY,
                new int[] {0},
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
        return switch (engine.submit(request)) {
            case Admission.Admitted(var streams, var _) -> streams.getFirst();
            case Admission.Refused refused -> throw new AssertionError(refused);
        };
    }
}

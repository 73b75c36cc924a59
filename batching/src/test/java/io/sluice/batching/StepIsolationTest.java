package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Sequences whose tokens follow from what the cache really holds, some of which cannot be computed.
class StepIsolationTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 4, 64, 64, 8, 1000, 8);
    private static final int OUTPUT = 6;
    private static final Logger ENGINE_LOG = Logger.getLogger(EngineLoop.class.getName());

    @BeforeAll
    static void injectedFailuresAreNotNews() {
        ENGINE_LOG.setLevel(Level.OFF);
    }

    @AfterAll
    static void failuresAreNewsAgain() {
        ENGINE_LOG.setLevel(null);
    }

    /// A device that fails whenever a step has to compute a poisonous token, and leaves the step's own
    /// positions and its result spoilt.
    private static final class PoisonedDevice implements ModelRunner {
        private final Set<Integer> poison;
        private final long[] cache = new long[LIMITS.blockCount() * LIMITS.blockSize()]; // [block, offset]
        private final StepResult result = new StepResult(LIMITS.sequencesMax());
        private int launches;
        private int copies;

        PoisonedDevice(Set<Integer> poison) {
            this.poison = poison;
        }

        @Override
        public ModelLimits limits() {
            return LIMITS;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            launches++;
            copies += plan.copiesOutCount() + plan.copiesInCount();
            return () -> {
                boolean fails = false;
                for (int i = 0; i < plan.tokenCount(); i++) fails |= poison.contains(plan.token(i));
                for (int slice = 0; slice < plan.sliceCount(); slice++) compute(plan, slice, fails);
                if (fails) throw new StepFailed("poison", new IllegalStateException());
                return result;
            };
        }

        private void compute(StepPlan plan, int slice, boolean spoils) {
            int first = plan.firstPosition(slice);
            long fingerprint = first == 0 ? UnbatchedModel.ROOT : cache[slot(plan, slice, first - 1)];
            for (int i = 0; i < plan.length(slice); i++) {
                int token = plan.token(plan.tokenStart(slice) + i);
                fingerprint = UnbatchedModel.fingerprint(fingerprint, token, first + i);
                cache[slot(plan, slice, first + i)] = spoils ? -1 : fingerprint;
            }
            if (!plan.samples(slice)) return;
            int token = UnbatchedModel.next(fingerprint, 0, LIMITS.vocabSize());
            result.set(slice, spoils ? (token + 1) % LIMITS.vocabSize() : token, -0.5f);
            result.addTop(slice, 7, -0.25f);
        }

        private static int slot(StepPlan plan, int slice, int position) {
            int block = plan.block(slice, position / LIMITS.blockSize());
            return block * LIMITS.blockSize() + position % LIMITS.blockSize();
        }

        @Override
        public void close() {}
    }

    @Test
    void ofEightTheOneThatIsPoisonedFailsAndTheOthersGetTheTokensThatTheyWouldHaveHad() {
        for (int poisoned = 0; poisoned < 8; poisoned++) {
            List<TokenStream> disturbed = run(new PoisonedDevice(Set.of(poison(poisoned))));
            List<TokenStream> undisturbed = run(new PoisonedDevice(Set.of()));
            for (int i = 0; i < 8; i++) {
                boolean failed = i == poisoned;
                assertThat(reason(disturbed.get(i))).isEqualTo(failed ? FinishReason.FAILED : FinishReason.LENGTH);
                assertThat(tokens(disturbed.get(i))).isEqualTo(failed ? List.of() : tokens(undisturbed.get(i)));
                if (!failed) assertThat(tokens(disturbed.get(i))).isEqualTo(answer(prompt(i)));
            }
        }
    }

    @Test
    void whoeverIsPoisonedTheOthersAreServed() {
        for (long seed = 0; seed < 50; seed++) {
            var random = new Random(seed);
            Set<Integer> poison = new HashSet<>();
            Set<Integer> poisoned = new HashSet<>();
            for (int i = 0; i < 8; i++) {
                if (random.nextInt(3) > 0) continue;
                poisoned.add(i);
                poison.add(poison(i));
            }
            List<TokenStream> streams = run(new PoisonedDevice(poison));
            for (int i = 0; i < 8; i++) {
                assertThat(tokens(streams.get(i)))
                        .as("seed %d, sequence %d", seed, i)
                        .isEqualTo(poisoned.contains(i) ? List.of() : answer(prompt(i)));
            }
        }
    }

    @Test
    void aSingleCulpritIsFoundByHalving() {
        var device = new PoisonedDevice(Set.of(poison(5)));
        StepResult result = new StepIsolation(device).compute(plan(8));
        for (int slice = 0; slice < 8; slice++) {
            assertThat(result.hasFailed(slice)).isEqualTo(slice == 5);
        }
        assertThat(device.launches).isEqualTo(1 + 2 + 2 + 2); // whole, and twice for each halving
    }

    @Test
    void aStepThatFailedByChanceIsComputedWhole() {
        var device = new PoisonedDevice(Set.of());
        StepResult result = new StepIsolation(device).compute(plan(8));
        assertThat(device.launches).isEqualTo(1);
        for (int slice = 0; slice < 8; slice++) {
            assertThat(result.hasFailed(slice)).isFalse();
            assertThat(result.token(slice)).isEqualTo(answer(prompt(slice)).getFirst());
            assertThat(result.logprob(slice)).isEqualTo(-0.5f);
            assertThat(result.topToken(slice, 0)).isEqualTo(7);
        }
    }

    @Test
    void whatFailedInOneStepIsForgottenInTheNext() {
        var device = new PoisonedDevice(Set.of(poison(1)));
        var isolation = new StepIsolation(device);
        assertThat(isolation.compute(plan(2)).hasFailed(1)).isTrue();
        assertThat(isolation.compute(plan(1)).hasFailed(1)).isFalse();
    }

    @Test
    void copiesAreNotMadeAgain() {
        StepPlan plan = plan(2);
        plan.copyOut(40, 1);
        plan.copyIn(2, 41);
        var device = new PoisonedDevice(Set.of(poison(0)));
        new StepIsolation(device).compute(plan);
        assertThat(device.launches).isEqualTo(3);
        assertThat(device.copies).isZero();
    }

    @Test
    void aDeviceThatIsLostIsNotAskedAgain() {
        int[] launches = {0};
        var isolation = new StepIsolation(new CountingRunner(LIMITS, _ -> {
            launches[0]++;
            throw new ModelRunner.DeviceLost("lost", new IllegalStateException());
        }));
        assertThatThrownBy(() -> isolation.compute(plan(8))).isInstanceOf(ModelRunner.DeviceLost.class);
        assertThat(launches[0]).isEqualTo(1);
    }

    /// Eight requests at once, computed to their ends.
    private static List<TokenStream> run(ModelRunner device) {
        EngineParts.Core core = EngineParts.REAL.core(LIMITS, new EngineSettings(64, true, 4), new Random(1));
        var loop = new EngineLoop(core, EngineParts.REAL.scheduler(core), device, () -> 0);
        List<TokenStream> streams = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            GenerationRequest request = request()
                    .prompt(prompt(i)[0], prompt(i).length)
                    .maxNewTokens(OUTPUT)
                    .build();
            switch (loop.submit(request, Attempt.FIRST, () -> {})) {
                case Admission.Admitted(var itsStreams, var _) -> streams.addAll(itsStreams);
                case Admission.Refused refused -> throw new AssertionError(refused);
            }
        }
        try {
            while (loop.turn() != EngineLoop.Turn.IDLE) loop.checkInvariants();
        } catch (Exception failure) {
            throw new AssertionError(failure);
        }
        return streams;
    }

    /// A plan of whole prompts.
    private static StepPlan plan(int slices) {
        var plan = new StepPlan(LIMITS);
        for (int i = 0; i < slices; i++) {
            int[] prompt = prompt(i);
            plan.add(prompt, 0, prompt.length, new int[] {2 * i, 2 * i + 1}, 2);
            plan.sample(SamplingParams.GREEDY, prompt, prompt.length, new int[0]);
        }
        return plan;
    }

    private static int[] prompt(int sequence) {
        int[] prompt = new int[6];
        for (int i = 0; i < prompt.length; i++) prompt[i] = 2000 + 10 * sequence + i;
        return prompt;
    }

    /// The last token of a sequence's prompt, which no output holds.
    private static int poison(int sequence) {
        return prompt(sequence)[5];
    }

    private static List<Integer> answer(int[] prompt) {
        GenerationRequest request =
                request().prompt(prompt[0], prompt.length).maxNewTokens(OUTPUT).build();
        int[] all = UnbatchedModel.answer(request, 0, LIMITS.vocabSize()).tokens();
        return Arrays.stream(all).skip(prompt.length).boxed().toList();
    }

    private static List<Integer> tokens(TokenStream stream) {
        List<Integer> tokens = new ArrayList<>();
        for (int i = 0; i < stream.count(); i++) tokens.add(stream.token(i));
        return tokens;
    }

    private static FinishReason reason(TokenStream stream) {
        return stream.ending().orElseThrow().reason();
    }
}

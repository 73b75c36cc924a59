package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.TokenStream;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// A whole engine on the emulated device: whether a step is launched while the one before is under way
/// changes no token and no count.
class CudaOverlapTest {
    private static final ModelConfig MODEL = CudaRunnerChecks.MODEL;

    private final CudaLibrary library = CudaKernelsTest.library();
    private final RandomModel model = new RandomModel(MODEL, 11);

    @Test
    void tokensAreTheSameWithAndWithoutOverlap() throws InterruptedException {
        Run overlapped = run(true);
        Run plain = run(false);
        assertThat(overlapped.followed).as("steps that followed one under way").isPositive();
        assertThat(plain.followed).isZero();
        assertThat(overlapped.outputs).isEqualTo(plain.outputs);
        // Some end by a token, so something was computed past their end; nobody is billed for it.
        assertThat(overlapped.outputs).anyMatch(output -> output.startsWith("STOP"));
        assertThat(overlapped.outputs).anyMatch(output -> output.startsWith("LENGTH"));
    }

    /// @param outputs ending, billed tokens, and the tokens, of each request
    /// @param followed steps that followed one under way
    private record Run(List<String> outputs, int followed) {}

    private Run run(boolean overlaps) throws InterruptedException {
        List<Watched> made = new ArrayList<>();
        ModelRunner.Factory factory = () -> {
            Watched runner = new Watched(open(), overlaps);
            made.add(runner);
            return runner;
        };
        List<String> outputs = new ArrayList<>();
        try (Engine engine = Engine.start("overlap", new EngineSettings(20, true, 40), factory)) {
            List<TokenStream> streams = new ArrayList<>();
            for (GenerationRequest request : requests()) {
                if (engine.submit(request) instanceof Admission.Admitted admitted) streams.addAll(admitted.streams());
            }
            for (TokenStream stream : streams) outputs.add(output(stream));
        }
        return new Run(outputs, made.getFirst().followed);
    }

    private static String output(TokenStream stream) throws InterruptedException {
        int seen = 0;
        while (stream.ending().isEmpty()) {
            stream.await(seen, Duration.ofMinutes(1));
            seen = stream.count();
        }
        int[] tokens = new int[stream.count()];
        for (int i = 0; i < tokens.length; i++) tokens[i] = stream.token(i);
        TokenStream.Ending ending = stream.ending().orElseThrow();
        return ending.reason() + " " + ending.sampledTokens() + " " + Arrays.toString(tokens);
    }

    /// Greedy ones and others; some that a token ends, which a vocabulary of 89 has often.
    private static List<GenerationRequest> requests() {
        Random random = new Random(3);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            int[] prompt = random.ints(1 + 5 * i, 0, MODEL.vocabSize()).toArray();
            int[] endTokens = i % 2 == 0 ? random.ints(25, 0, MODEL.vocabSize()).toArray() : new int[0];
            SamplingParams sampling = i < 3
                    ? SamplingParams.GREEDY
                    : new SamplingParams(0.9f, 0.95f, 40, 0.01f, i, 0, 0, 1, 2, Map.of(7, 2f), 3);
            requests.add(new GenerationRequest(
                    "r" + i,
                    prompt,
                    10 + 2 * i,
                    1,
                    sampling,
                    endTokens,
                    Caller.ANONYMOUS,
                    PrefixScope.of(0),
                    Deadlines.NONE));
        }
        return requests;
    }

    private CudaRunner open() {
        int cacheTokens = 320;
        long bytes = 2L * MODEL.layerCount() * MODEL.kvHeadCount() * MODEL.headDim() * 2 * cacheTokens;
        RunnerSettings settings = new RunnerSettings(
                Dtype.BFLOAT16, Dtype.BFLOAT16, bytes, 0, 16, 64, 6, 40, true, true, Gemm.KERNELS, 1);
        return CudaRunner.open(model.files(), settings, CudaRunnerChecks.place(library));
    }

    /// Counts steps that take tokens from the one before; may hide that the runner can.
    private static final class Watched implements ModelRunner {
        private final CudaRunner runner;
        private final boolean overlaps;
        private int followed;

        Watched(CudaRunner runner, boolean overlaps) {
            this.runner = runner;
            this.overlaps = overlaps;
        }

        @Override
        public ModelLimits limits() {
            return runner.limits();
        }

        @Override
        public boolean canFeed() {
            return overlaps;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            if (plan.sliceCount() > 0 && plan.feedingSlice(0) >= 0) followed++;
            return runner.launch(plan);
        }

        @Override
        public void close() {
            runner.close();
        }
    }
}

package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.ModelRunner.StepFailed;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/// libtorch's products between the CUDA kernels: the emulated device's memory, multiplied by libtorch for
/// CPUs.
class CudaTorchTest {
    private static final ModelConfig MODEL = CudaRunnerChecks.MODEL;
    private static final int SEQUENCES = 20; // more than our kernels for few rows take

    private final CudaLibrary library = CudaKernelsTest.library();
    private final RandomModel model = new RandomModel(MODEL, 11);
    private final Random random = new Random(5);
    private final AtomicReference<EmulatedTorch> torch = new AtomicReference<>();

    @Test
    void logitsOfPromptsAreThoseOfAPlainImplementation() {
        int[] prompt = tokens(53);
        double[][] expected = new PlainLlama(model).logits(prompt);
        try (CudaRunner runner = open(settings(Gemm.LIBTORCH, Dtype.BFLOAT16, false))) {
            assertThat(runner.sizes().gemm()).hasToString("libtorch from 17 rows on, else our kernels (asked for)");
            int before = torch.get().executed();
            float[][] logits = new RunnerHarness(runner, random).promptLogits(prompt, 53);
            CudaRunnerChecks.compare(logits, expected, CudaRunnerChecks.BFLOAT16_ERROR, "libtorch");
            assertThat(torch.get().executed() - before)
                    .as("four products a layer")
                    .isEqualTo(4 * MODEL.layerCount());
        }
        assertThat(torch.get().isClosed()).isTrue();
    }

    /// The first step of a bucket runs as it is, the second is recorded: its products are replayed, not
    /// forgotten, and not computed once at the recording.
    @Test
    void aGraphHasLibtorchsProductsInIt() {
        try (CudaRunner runner = open(settings(Gemm.LIBTORCH, Dtype.BFLOAT16, false))) {
            List<int[]> first = generate(runner);
            assertThat(runner.recordedGraphs()).isPositive();
            int before = torch.get().executed();
            List<int[]> replayed = generate(runner);
            assertThat(replayed).usingRecursiveComparison().isEqualTo(first);
            // A step for the prompts, then one for each token but the first.
            assertThat(torch.get().executed() - before).isEqualTo(6 * 4 * MODEL.layerCount());
        }
    }

    private List<int[]> generate(CudaRunner runner) {
        RunnerHarness harness = new RunnerHarness(runner, random);
        List<Sequence> sequences = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            int[] prompt = {i, 2 * i, 7};
            sequences.add(harness.sequence(prompt, SamplingParams.GREEDY));
        }
        harness.generate(sequences, 64, 6);
        return sequences.stream().map(Sequence::output).toList();
    }

    @Test
    void fewRowsAreLeftToOurKernels() {
        try (CudaRunner runner = open(settings(Gemm.LIBTORCH, Dtype.BFLOAT16, false))) {
            int before = torch.get().executed();
            new RunnerHarness(runner, random).promptLogits(tokens(16), 16);
            assertThat(torch.get().executed()).isEqualTo(before);
        }
    }

    /// The emulation's clock stands still: nobody is faster, and then our kernels do it all.
    @Test
    void whoMultipliesIsMeasuredWhereNobodySaidOtherwise() {
        try (CudaRunner runner = open(settings(Gemm.AUTO, Dtype.BFLOAT16, false))) {
            assertThat(torch.get().executed()).as("while measuring").isPositive();
            assertThat(runner.sizes().gemm()).hasToString("our kernels (measured at start)");
            int before = torch.get().executed();
            new RunnerHarness(runner, random).promptLogits(tokens(40), 40);
            assertThat(torch.get().executed()).isEqualTo(before);
        }
    }

    @Test
    void whereTokensMustNotDependOnTheBatchLibtorchIsNotAsked() {
        try (CudaRunner runner = open(settings(Gemm.AUTO, Dtype.BFLOAT16, true))) {
            assertThat(runner.sizes().gemm()).hasToString("our kernels (they do not depend on the batch)");
        }
        assertThat(torch.get()).isNull();
        assertThatThrownBy(() -> open(settings(Gemm.LIBTORCH, Dtype.BFLOAT16, true)))
                .isInstanceOf(TorchFailed.class)
                .hasMessageContaining("deterministic is set");
    }

    @Test
    void aLibtorchThatIsNotThereIsNamedAndMissedOnlyByThoseWhoAskedForIt() {
        TorchDevice.Factory none = _ -> {
            throw new TorchFailed("no libtorch for CUDA here");
        };
        try (CudaRunner runner =
                CudaRunner.open(model.files(), settings(Gemm.AUTO, Dtype.BFLOAT16, false), place(none))) {
            assertThat(runner.sizes().gemm()).hasToString("our kernels (no libtorch for CUDA here)");
        }
        assertThatThrownBy(() ->
                        CudaRunner.open(model.files(), settings(Gemm.LIBTORCH, Dtype.BFLOAT16, false), place(none)))
                .isInstanceOf(TorchFailed.class)
                .hasMessage("no libtorch for CUDA here");
    }

    @Test
    void aProductThatLibtorchRefusesFailsTheStepAndNotTheRunner() {
        try (CudaRunner runner = open(settings(Gemm.LIBTORCH, Dtype.BFLOAT16, false))) {
            torch.get().refuse();
            StepPlan plan = new StepPlan(runner.limits());
            plan.add(new int[30], 0, 30, new int[] {0, 1}, 2);
            assertThatThrownBy(() -> runner.launch(plan).await())
                    .isInstanceOf(StepFailed.class)
                    .hasMessageContaining("libtorch cannot multiply");
            plan.clear();
            plan.add(new int[3], 0, 3, new int[] {0}, 1);
            plan.sample(SamplingParams.GREEDY, new int[3], 3, new int[0]);
            assertThat(runner.launch(plan).await().token(0)).isNotNegative();
        }
    }

    @Test
    void onlyAnOfferedLibtorchIsLoaded() {
        assertThat(TorchCuda.isOffered(Map.of())).isFalse();
        assertThat(TorchCuda.isOffered(Map.of("PYTORCH_FLAVOR", "cpu"))).isFalse();
        assertThat(TorchCuda.isOffered(Map.of("PYTORCH_FLAVOR", "cu128"))).isTrue();
        assertThat(TorchCuda.isOffered(Map.of("PYTORCH_LIBRARY_PATH", "/nowhere", "PYTORCH_FLAVOR", "cu128")))
                .isFalse();
    }

    /// On this machine libtorch is one for CPUs.
    @Test
    void aLibtorchForProcessorsIsRefusedByNameAndSaysWhatToDo() {
        try (CudaDevice device = new CudaDevice(library, 0)) {
            assertThatThrownBy(() -> TorchCuda.open(device))
                    .isInstanceOf(TorchFailed.class)
                    .hasMessageContaining("one for CPUs")
                    .hasMessageContaining("PYTORCH_FLAVOR=cu128");
        }
    }

    private CudaRunner open(RunnerSettings settings) {
        return CudaRunner.open(model.files(), settings, place(device -> {
            EmulatedTorch made = new EmulatedTorch(device);
            torch.set(made);
            return made;
        }));
    }

    private CudaModel.Place place(TorchDevice.Factory factory) {
        return new CudaModel.Place(library, new CudaSettings(0, 0.9, false), factory);
    }

    private static RunnerSettings settings(Gemm gemm, Dtype dtype, boolean deterministic) {
        int cacheTokens = 512;
        long bytes = 2L * MODEL.layerCount() * MODEL.kvHeadCount() * MODEL.headDim() * dtype.bytes() * cacheTokens;
        return new RunnerSettings(dtype, dtype, bytes, 0, 16, 64, SEQUENCES, 64, true, deterministic, gemm, 1);
    }

    private int[] tokens(int count) {
        return random.ints(count, 0, MODEL.vocabSize()).toArray();
    }
}

package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.device.RunnerHarness.Sequence;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.DecoderTraits;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The runner for CUDA, on the kernels' emulation: slow, so its models are small.
class CudaRunnerTest {

    /// Plain attention and plain products: nothing is a multiple of what tensor cores want.
    private static final ModelConfig ODD = RandomModel.TINY;

    /// Tensor cores throughout, grouped queries.
    private static final ModelConfig EVEN =
            new ModelConfig("llama", 89, 64, 2, 4, 2, 64, 96, 1e-5f, 10_000f, 512, true);

    private final Random random = new Random(77);

    @Test
    void logitsAreThoseOfAPlainImplementationInFloat32() {
        for (ModelConfig config : new ModelConfig[] {ODD, EVEN}) {
            RandomModel model = new RandomModel(config, 11);
            int[] prompt = tokens(config, 37);
            double[][] expected = new PlainLlama(model).logits(prompt);
            try (CudaRunner runner = open(model, Dtype.FLOAT32, true)) {
                float[][] logits = new RunnerHarness(runner, random).promptLogits(prompt, 20);
                compare(logits, expected, 2e-4);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void logitsInBfloat16AreNotFarFromThem(Dtype kvDtype) {
        RandomModel model = new RandomModel(EVEN, 11);
        int[] prompt = tokens(EVEN, 37);
        double[][] expected = new PlainLlama(model).logits(prompt);
        for (boolean deterministic : new boolean[] {true, false}) {
            RunnerSettings settings = settings(EVEN, Dtype.BFLOAT16, kvDtype, deterministic);
            try (CudaRunner runner = open(model, settings)) {
                float[][] logits = new RunnerHarness(runner, random).promptLogits(prompt, 17);
                CudaRunnerChecks.compare(logits, expected, CudaRunnerChecks.BFLOAT16_ERROR, kvDtype);
            }
        }
    }

    private static void compare(float[][] logits, double[][] expected, double tolerance) {
        for (int t = 0; t < expected.length; t++) {
            for (int token = 0; token < expected[t].length; token++) {
                assertThat((double) logits[t][token])
                        .as("position %d, token %d", t, token)
                        .isCloseTo(expected[t][token], offset(tolerance));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void logitsAreTheSameBitByBitHoweverThePromptIsChunkedAndAmongOthers(Dtype dtype) {
        int[] prompt = tokens(EVEN, 60);
        try (CudaRunner runner = open(new RandomModel(EVEN, 11), dtype, true)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            float[][] whole = harness.promptLogits(prompt, 64);
            for (int chunk : new int[] {1, 23}) {
                assertThat(harness.promptLogits(prompt, chunk))
                        .as("chunks of %d", chunk)
                        .isDeepEqualTo(whole);
            }
            harness.clearPlan();
            List<Sequence> batch = List.of(
                    harness.sequence(tokens(EVEN, 9)), harness.sequence(prompt), harness.sequence(tokens(EVEN, 20)));
            batch.forEach(each -> harness.add(each, each.uncomputed()));
            float[][] logits = harness.logits();
            assertThat(Arrays.copyOfRange(logits, 9, 69)).isDeepEqualTo(whole);
        }
    }

    /// Three sequences are padded to a bucket of four; the first step of a bucket runs as it is, the others
    /// as a graph.
    @Test
    void graphsGiveTheTokensThatTheProcessorsKernelsGive() {
        RandomModel model = new RandomModel(EVEN, 11);
        List<int[]> prompts = List.of(tokens(EVEN, 19), tokens(EVEN, 1), tokens(EVEN, 33));
        List<int[]> expected;
        try (LogitsRunner runner = RunnerKind.FAST_FLOAT32.open(model.files(), 16, 512)) {
            expected = generate(runner, prompts);
        }
        try (CudaRunner runner = open(model, Dtype.FLOAT32, true)) {
            assertThat(generate(runner, prompts)).usingRecursiveComparison().isEqualTo(expected);
            assertThat(runner.recordedGraphs()).isEqualTo(1);
        }
    }

    private List<int[]> generate(LogitsRunner runner, List<int[]> prompts) {
        RunnerHarness harness = new RunnerHarness(runner, random);
        List<Sequence> sequences = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            SamplingParams sampling = i == 1 ? SamplingParams.GREEDY : RunnerKind.eventful(i);
            sequences.add(harness.sequence(prompts.get(i), sampling));
        }
        harness.generate(sequences, 64, 9);
        return sequences.stream().map(Sequence::output).toList();
    }

    @Test
    void aSequenceThatWasParkedGoesOnInOtherBlocksAsIfNothingHadHappened() {
        int[] prompt = tokens(EVEN, 37);
        try (CudaRunner runner = open(new RandomModel(EVEN, 11), Dtype.BFLOAT16, true)) {
            RunnerHarness harness = new RunnerHarness(runner, random);
            Sequence undisturbed = harness.sequence(prompt, RunnerKind.eventful(7));
            harness.generate(List.of(undisturbed), 40, 6);
            Sequence parked = harness.sequence(prompt, RunnerKind.eventful(7));
            harness.clearPlan();
            harness.add(parked, 37);
            harness.stepAndAppend(parked);
            harness.clearPlan();
            harness.park(parked);
            harness.step(); // copies and nothing else
            Sequence other = harness.sequence(tokens(EVEN, harness.freeTokens()));
            harness.clearPlan();
            harness.add(other, other.uncomputed());
            harness.step();
            harness.free(other);
            harness.clearPlan();
            harness.bringBack(parked);
            harness.add(parked, 1);
            harness.stepAndAppend(parked);
            while (parked.output().length < 6) {
                harness.clearPlan();
                harness.add(parked, 1);
                harness.stepAndAppend(parked);
            }
            assertThat(parked.output()).isEqualTo(undisturbed.output());
        }
    }

    /// Whichever allocation fails, what was made before it is given back.
    @Test
    void aStartThatRunsOutOfMemoryLeavesNoneBehind() throws Throwable {
        CudaLibrary library = CudaKernelsTest.library();
        MethodHandle allow = library.bind("sluice_cuda_emulated_allow", ValueLayout.JAVA_INT);
        MethodHandle allocations = library.bind("sluice_cuda_emulated_allocations");
        int before = (int) allocations.invokeExact();
        RandomModel model = new RandomModel(EVEN, 11);
        RunnerSettings settings = settings(EVEN, Dtype.BFLOAT16, Dtype.BFLOAT16, true);
        int failures = 0;
        while (true) {
            assertThat((int) allow.invokeExact(failures)).isZero();
            try (CudaRunner runner = CudaRunner.open(model.files(), settings, CudaRunnerChecks.place(library))) {
                assertThat(runner.limits().blockCount()).isPositive();
                break;
            } catch (CudaFailed e) {
                assertThat((int) allocations.invokeExact())
                        .as("after %d", failures)
                        .isEqualTo(before);
                failures++;
            } finally {
                assertThat((int) allow.invokeExact(-1)).isZero();
            }
        }
        assertThat(failures).isGreaterThan(6);
        assertThat((int) allocations.invokeExact()).isEqualTo(before);
    }

    @Test
    void whatIsClosedSaysSoAndDoesNotEndTheProcess() {
        CudaDevice device = new CudaDevice(CudaKernelsTest.library(), 0);
        CudaKernels kernels = new CudaKernels(device);
        CudaRegion region = new CudaRegion(device, 100);
        region.close();
        region.close();
        device.close();
        device.close();
        assertThatThrownBy(() -> device.alloc(100)).hasMessageContaining("was closed");
        assertThatThrownBy(() -> device.free(1)).hasMessageContaining("was closed");
        assertThatThrownBy(device::memory).hasMessageContaining("was closed");
        assertThatThrownBy(device::await).hasMessageContaining("was closed");
        assertThatThrownBy(() -> device.copy(1, 2, 3)).hasMessageContaining("was closed");
        assertThatThrownBy(() -> kernels.narrow(1, 2, 3)).hasMessageContaining("was closed");
        CudaRunner runner = open(new RandomModel(ODD, 11), Dtype.FLOAT32, true);
        runner.close();
        runner.close();
        StepPlan plan = new StepPlan(runner.limits());
        plan.add(new int[] {1}, 0, 1, new int[] {0}, 1);
        assertThatThrownBy(() -> runner.launch(plan).await()).hasStackTraceContaining("was closed");
    }

    @Test
    void aModelOfAnotherFamilyIsRefusedBeforeAnythingIsAllocated() {
        DecoderTraits llama = EVEN.traits();
        DecoderTraits biased = new DecoderTraits(
                llama.activation(),
                true,
                false,
                false,
                1,
                llama.attentionScale(),
                0,
                0,
                llama.rotary(),
                llama.layers(),
                llama.experts());
        ModelConfig config = new ModelConfig(
                "qwen2",
                EVEN.vocabSize(),
                EVEN.hiddenSize(),
                EVEN.layerCount(),
                EVEN.headCount(),
                EVEN.kvHeadCount(),
                EVEN.headDim(),
                EVEN.intermediateSize(),
                EVEN.rmsNormEps(),
                EVEN.ropeTheta(),
                EVEN.contextMax(),
                EVEN.tiedHead(),
                biased);
        WeightFiles files = new WeightFiles(Path.of("qwen.gguf"), config, name -> {
            throw new AssertionError("nothing is read");
        });
        RunnerSettings settings = settings(EVEN, Dtype.FLOAT32, Dtype.FLOAT32, true);
        assertThatThrownBy(() -> CudaRunner.open(files, settings, CudaRunnerChecks.place(CudaKernelsTest.library())))
                .isInstanceOf(UnsupportedModel.class)
                .hasMessageContainingAll("qwen2", "serve it with --device cpu");
    }

    private static CudaRunner open(RandomModel model, Dtype dtype, boolean deterministic) {
        return open(model, settings(model.config(), dtype, dtype, deterministic));
    }

    private static CudaRunner open(RandomModel model, RunnerSettings settings) {
        return CudaRunner.open(model.files(), settings, CudaRunnerChecks.place(CudaKernelsTest.library()));
    }

    private static RunnerSettings settings(ModelConfig config, Dtype dtype, Dtype kvDtype, boolean deterministic) {
        int cacheTokens = 160;
        long bytes = 2L * config.layerCount() * config.kvHeadCount() * config.headDim() * kvDtype.bytes() * cacheTokens;
        return new RunnerSettings(
                dtype, kvDtype, bytes, bytes, 16, cacheTokens, 6, 160, true, deterministic, Gemm.KERNELS, 1);
    }

    private int[] tokens(ModelConfig config, int count) {
        return random.ints(count, 0, config.vocabSize()).toArray();
    }
}

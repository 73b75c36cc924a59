package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The cost model against figures that others published for real devices.
class StepCostTest {
    private static final DeviceModel H100 = new DeviceModel(Gpu.H100, ModelShape.LLAMA_3_1_8B);

    @Test
    void aTokenAtBatchOneTakesWhatVllmPublishedForTheH100() {
        // 6.44 ms and 4.37e-5 ms for each token of context.
        assertThat(decodeMs(H100, 1, 1)).isCloseTo(6.44, within(0.01));
        double slope = (decodeMs(H100, 1, 100_001) - decodeMs(H100, 1, 1)) / 100_000;
        assertThat(slope).isCloseTo(4.37e-5, within(1e-7));
    }

    @Test
    void aPromptTakesItsMultiplications() {
        var cost = new StepCost(H100);
        cost.begin();
        cost.slice(0, 4096, true);
        // 2 x 6.98e9 x 4096 at 660 TFLOP/s is 86.6 ms; attention is 32 layers x 4096 wide x 4 x 4096^2 / 2.
        assertThat(cost.ns() / 1e6).isCloseTo(86.6 + 6.7 + 0.35 + 1.44, within(0.5));
    }

    /// TensorRT-LLM 0.15, Llama-3.1-8B, fp16, one H100: output tokens per second with the queue always full.
    @ParameterizedTest
    @CsvSource({
        "128, 128, 16117",
        "128, 2048, 9894",
        "500, 2000, 7953",
        "1000, 1000, 7721",
        "2048, 128, 1972",
        "2048, 2048, 4371",
        "5000, 500, 1802",
    })
    void aFullDeviceServesWhatWasPublishedWithinAQuarter(int prompt, int output, double published) {
        // Room for the whole of each sequence, as that engine reserves it.
        double together = Math.min(2048, (double) H100.limits().cacheTokens() / (prompt + output));
        // One token each of so many sequences, and the part of a prompt that makes up for the sequences that end.
        var cost = new StepCost(H100);
        cost.begin();
        for (int i = 0; i < (int) together; i++) cost.slice(prompt + output / 2 - 1, 1, true);
        int promptTokens = (int) (together * prompt / output);
        double stepNs = cost.ns() + 2 * ModelShape.LLAMA_3_1_8B.bodyParameters() * promptTokens / 660e12 * 1e9;
        assertThat(together * 1e9 / stepNs).isCloseTo(published, within(0.25 * published));
    }

    @Test
    void copiesTakeTheBusesTime() {
        var cost = new StepCost(H100);
        cost.begin();
        cost.copies(500, 16);
        // 500 blocks of 2 MiB at 50 GB/s, and the overhead of a step.
        assertThat(cost.ns() / 1e6).isCloseTo(500 * 2.097 / 50 + 1.44, within(0.01));
    }

    @Test
    void modelsReadAndHoldWhatTheirShapesSay() {
        assertThat(readGigabytes(ModelShape.LLAMA_3_1_8B)).isCloseTo(15.01, within(0.01));
        assertThat(readGigabytes(ModelShape.QWEN3_8B)).isCloseTo(15.14, within(0.01));
        assertThat(readGigabytes(ModelShape.SMOLLM2_135M)).isCloseTo(0.27, within(0.01));
        // vLLM reports a little less than 450,000 tokens of cache for this pair.
        assertThat(H100.limits().cacheTokens()).isBetween(420_000L, 460_000L);
    }

    private static double readGigabytes(ModelShape model) {
        return (model.bodyParameters() + model.headParameters()) * 2 / 1e9;
    }

    private static double decodeMs(DeviceModel device, int sequences, int context) {
        var cost = new StepCost(device);
        cost.begin();
        for (int i = 0; i < sequences; i++) cost.slice(context - 1, 1, true);
        return cost.ns() / 1e6;
    }
}

package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import org.junit.jupiter.api.Test;

class GemmChoiceTest {

    @Test
    void libtorchMultipliesOnlyBfloat16OnlyWithAmxAndOnlyWhereTheBatchMayMatter() {
        assertThat(automatic(Dtype.BFLOAT16, false, true).libtorch()).isTrue();
        assertThat(automatic(Dtype.BFLOAT16, false, false).libtorch()).isFalse();
        assertThat(automatic(Dtype.BFLOAT16, true, true).libtorch()).isFalse();
        assertThat(automatic(Dtype.FLOAT32, false, true).libtorch()).isFalse();
    }

    @Test
    void theOperatorsWordStandsOnEveryProcessor() {
        for (Dtype dtype : Dtype.values()) {
            for (boolean amx : new boolean[] {false, true}) {
                assertThat(choice(dtype, true, Gemm.LIBTORCH, amx).libtorch()).isTrue();
                assertThat(choice(dtype, false, Gemm.KERNELS, amx).libtorch()).isFalse();
            }
        }
    }

    private static GemmChoice automatic(Dtype dtype, boolean deterministic, boolean amx) {
        return choice(dtype, deterministic, Gemm.AUTO, amx);
    }

    private static GemmChoice choice(Dtype dtype, boolean deterministic, Gemm gemm, boolean amx) {
        RunnerSettings settings =
                new RunnerSettings(dtype, dtype, 1 << 20, 0, 16, 128, 8, 128, true, deterministic, gemm, 1);
        return GemmChoice.of(settings, false, amx);
    }
}

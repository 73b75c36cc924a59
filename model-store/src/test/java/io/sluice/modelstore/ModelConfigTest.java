package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelConfigTest {
    @ParameterizedTest
    @CsvSource({
        "0, 64, 2, 4, 2, 16, 128, 1e-5, 10000, 512, vocabulary size 0 is not in",
        "272, -1, 2, 4, 2, 16, 128, 1e-5, 10000, 512, hidden size -1 is not in",
        "272, 64, 2000, 4, 2, 16, 128, 1e-5, 10000, 512, layer count 2000 is not in",
        "272, 64, 2, 0, 2, 16, 128, 1e-5, 10000, 512, head count 0 is not in",
        "272, 64, 2, 4, 3, 16, 128, 1e-5, 10000, 512, head count 4 is not a multiple",
        "272, 64, 2, 4, 2, 15, 128, 1e-5, 10000, 512, head size 15 is odd",
        "272, 64, 2, 4096, 2, 1024, 128, 1e-5, 10000, 512, head count times head size 4194304 is not in",
        "272, 64, 2, 4, 2, 16, 2147483647, 1e-5, 10000, 512, intermediate size 2147483647 is not in",
        "272, 64, 2, 4, 2, 16, 128, 0, 10000, 512, RMSNorm epsilon 0.0",
        "272, 64, 2, 4, 2, 16, 128, NaN, 10000, 512, RMSNorm epsilon NaN",
        "272, 64, 2, 4, 2, 16, 128, 1e-5, Infinity, 512, rotary base Infinity",
        "272, 64, 2, 4, 2, 16, 128, 1e-5, 10000, 0, context length 0 is not in",
    })
    void anImpossibleShapeIsRefused(
            int vocab,
            int hidden,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int inner,
            float eps,
            float theta,
            int context,
            String inMessage) {
        assertThatThrownBy(() -> new ModelConfig(
                        "x", vocab, hidden, layers, heads, kvHeads, headDim, inner, eps, theta, context, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(inMessage);
    }
}

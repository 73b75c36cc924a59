package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class Bfloat16Test {

    @Test
    void roundsToTheNearestAndTiesToEven() {
        assertThat(Bfloat16.round(1f)).isEqualTo(1f);
        assertThat(Bfloat16.round(1f + 1f / 256)).isEqualTo(1f); // halfway, down to even
        assertThat(Bfloat16.round(1f + 3f / 256)).isEqualTo(1f + 4f / 256); // halfway, up to even
        assertThat(Bfloat16.round(-1f - 1.1f / 256)).isEqualTo(-1f - 2f / 256);
    }

    @Test
    void bytesAreLittleEndian() {
        assertThat(Bfloat16.bytes(new float[] {1f, -2f})).containsExactly(0x80, 0x3F, 0x00, 0xC0);
    }
}

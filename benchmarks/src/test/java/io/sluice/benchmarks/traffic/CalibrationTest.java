package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrationTest {
    private static final long SEED = 11;
    private static final List<String> HEAD = List.of(
            "# sluice step log 1, model some-model",
            "# limits 1024 16 1024 512 32 4096 0",
            "at_us,us,host_us,writing,prompts,prompt_tokens,sampled,writing_context,prompt_context,prompt_pairs,copies");

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void whatStepsAreMadeOfIsFoundAgain() throws IOException {
        Calibration found = Calibration.read(log(1000, 0));
        assertThat(found.model()).isEqualTo("some-model");
        assertThat(found.limits().sequencesMax()).isEqualTo(32);
        for (int writing : new int[] {1, 8, 32}) {
            assertThat(found.ns(writing, writing * 200.0, 0, 0))
                    .isCloseTo(
                            us(writing, writing * 200L, 0, 0) * 1e3, within(us(writing, writing * 200L, 0, 0) * 20.0));
        }
        assertThat(found.ns(0, 0, 256, 32_896)).isCloseTo(us(0, 0, 256, 32_896) * 1e3, within(200e3));
    }

    @Test
    void aFewStepsThatTheMachineHeldUpChangeLittle() throws IOException {
        Calibration calm = Calibration.read(log(1000, 0));
        Calibration busy = Calibration.read(log(1000, 50));
        // What was held up still took its time: 50 of 1,000 steps are ten times as long.
        double longer = busy.ns(8, 1600, 0, 0) / calm.ns(8, 1600, 0, 0);
        assertThat(longer).isBetween(1.2, 1.9);
        assertThat(busy.missed()).isLessThan(0.05);
    }

    @Test
    void whatIsNoStepLogIsRefusedWithItsLine() throws IOException {
        assertThatThrownBy(() -> Calibration.read(Files.write(folder.resolve("x"), List.of("a", "b", "c"))))
                .isInstanceOf(BrokenTrace.class)
                .hasMessageContaining("`sluice serve --step-log FILE` writes one");
        assertThatThrownBy(() -> Calibration.read(log(20, 0))).hasMessageContaining("20 steps; at least 100");
        var lines = new ArrayList<>(HEAD);
        lines.add("1,2,3");
        assertThatThrownBy(() -> Calibration.read(Files.write(folder.resolve("y"), lines)))
                .hasMessageContaining("y, line 4: these are not the eleven numbers of a step");
    }

    private static long us(long writing, long context, long prompt, long pairs) {
        return Math.round(300 + 40 * writing + 0.05 * context + 20.0 * prompt + 0.002 * pairs);
    }

    /// @param heldUp steps that took ten times as long, all in the part that counts
    private Path log(int steps, int heldUp) throws IOException {
        var random = new SplittableRandom(SEED);
        var lines = new ArrayList<>(HEAD);
        for (int i = 0; i < steps; i++) {
            long writing = random.nextInt(1, 33);
            long context = writing * random.nextInt(20, 900);
            long prompt = i % 3 == 0 ? random.nextInt(1, 256) : 0;
            long pairs = prompt * (prompt + 1) / 2;
            long us = us(writing, context, prompt, pairs) * (i >= steps - heldUp ? 10 : 1);
            lines.add("%d,%d,0,%d,%d,%d,%d,%d,%d,%d,0"
                    .formatted(i * 1000L, us, writing, prompt > 0 ? 1 : 0, prompt, writing, context, prompt, pairs));
        }
        return Files.write(folder.resolve("steps-" + steps + "-" + heldUp + ".csv"), lines);
    }
}

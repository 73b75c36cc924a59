package io.sluice.benchmarks.micro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BaselineTest {

    @Test
    void noPartAllocatesOrExecutesMoreThanIsCommitted() throws IOException, InterruptedException {
        assertThat(Baseline.committed().growth(Baseline.counted()))
                .as("what grew. %s", BaselineCommand.ADVICE)
                .isEmpty();
    }

    @Test
    void whatGrewIsSaidWithByHowMuch() {
        var was =
                new Baseline(Map.of("a step", new Baseline.Counts(0, 1000), "an event", new Baseline.Counts(100, 50)));
        var now =
                new Baseline(Map.of("a step", new Baseline.Counts(24, 1100), "an event", new Baseline.Counts(100, 50)));
        assertThat(was.growth(now))
                .containsExactly(
                        "\"a step\" allocates 24.0 bytes, 24.0 more than the 0.0 of the baseline",
                        "\"a step\" executes 1,100.0 instructions, 100.0 more than the 1,000.0 of the baseline (+10.0 %)");
    }

    @Test
    void lessIsNoGrowthAndAPartThatIsMissingOnEitherSideIs() {
        var was = new Baseline(Map.of("gone", new Baseline.Counts(1, 1)));
        var now = new Baseline(Map.of("new", new Baseline.Counts(1, 1)));
        assertThat(was.growth(new Baseline(Map.of("gone", new Baseline.Counts(0, 0)))))
                .isEmpty();
        assertThat(was.growth(now))
                .containsExactly(
                        "\"gone\" is in the baseline but is not counted any more",
                        "\"new\" is counted but is not in the baseline");
    }

    @Test
    void itIsReadAsItIsWritten() {
        var was = new Baseline(Map.of("a step", new Baseline.Counts(12.5, 1000)));
        assertThat(Baseline.parse(was.lines().lines())).isEqualTo(was);
        assertThatThrownBy(() -> Baseline.parse(Stream.of("a step 12 13"))).hasMessageContaining("a step 12 13");
    }
}

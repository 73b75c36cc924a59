package io.sluice.benchmarks.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.sluice.benchmarks.traffic.Slo;
import io.sluice.benchmarks.traffic.Trace;
import io.sluice.benchmarks.traffic.TraceRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is sent, when, and for whom.
class LoadShapeTest {
    private static final Key KEY = Keyring.everybody(Keyring.promises());

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @ParameterizedTest
    @CsvSource({"1, 1", "0.25, 2", "4, 0.5"})
    void gapsHaveTheirRateAndTheirBurstiness(double shape, double variation) {
        var random = new SplittableRandom(1);
        var gaps = new ArrivalGaps(50, shape);
        int count = 200_000;
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < count; i++) {
            double seconds = gaps.drawNs(random) / 1e9;
            sum += seconds;
            squares += seconds * seconds;
        }
        double mean = sum / count;
        assertThat(mean).isCloseTo(1.0 / 50, within(0.02 / 50));
        assertThat(Math.sqrt(squares / count - mean * mean) / mean).isCloseTo(variation, within(0.03 * variation));
    }

    @Test
    void theSeedDecidesWhatIsSent() {
        assertThat(sent(1)).isEqualTo(sent(1));
        assertThat(sent(1)).isNotEqualTo(sent(2));
    }

    private static List<Ask> sent(long seed) {
        var asks = Asks.open(
                seed,
                new Keyring(List.of(KEY), 1),
                new ArrivalGaps(10, 0.5),
                new Lengths(10, 90),
                new Lengths(5, 5),
                100);
        var all = new ArrayList<Ask>();
        asks.forEachRemaining(all::add);
        return all;
    }

    @Test
    void aTraceIsSentAtItsMomentsWithPromptsThatBeginAlikeWhereItSaysSo() {
        var rows = List.of(
                new TraceRow(0, 600, 5, List.of(1, 2)),
                new TraceRow(1_000_000_000L, 700, 6, List.of(1, 3)),
                new TraceRow(3_000_000_000L, 20, 7, List.of()));
        Asks asks = Asks.replayed(1, new Keyring(List.of(KEY), 1), new Trace("t", "none", rows));
        Ask first = asks.next();
        Ask second = asks.next();
        Ask third = asks.next();
        assertThat(asks.hasNext()).isFalse();
        assertThat(List.of(first.atNs(), second.atNs(), third.atNs()))
                .containsExactly(0L, 1_000_000_000L, 3_000_000_000L);
        assertThat(third.outputTokens()).isEqualTo(7);
        List<String> one = words(first);
        List<String> two = words(second);
        assertThat(one).hasSize(600);
        assertThat(one.subList(0, 512)).isEqualTo(two.subList(0, 512));
        assertThat(one.subList(512, 600)).isNotEqualTo(two.subList(512, 600));
    }

    private static List<String> words(Ask ask) {
        return List.of(ask.prompt().toString().split(" ", -1));
    }

    @Test
    void theFirstTenantSendsMost() {
        var keys = new ArrayList<Key>();
        for (int i = 0; i < 10; i++) keys.add(new Key("t" + i, "", "standard", KEY.slo()));
        var random = new SplittableRandom(1);
        Map<String, Integer> drawn = new HashMap<>();
        var zipf = new Keyring(keys, 1.1);
        for (int i = 0; i < 100_000; i++) drawn.merge(zipf.draw(random).tenant(), 1, Integer::sum);
        double sum = 0;
        for (int k = 1; k <= 10; k++) sum += 1 / Math.pow(k, 1.1);
        assertThat(drawn.getOrDefault("t0", 0) / 1e5).isCloseTo(1 / sum, within(0.01));
        assertThat(drawn.getOrDefault("t9", 0) / 1e5).isCloseTo(1 / Math.pow(10, 1.1) / sum, within(0.01));
    }

    @Test
    void aKeysFileNamesTenantsKeysAndClasses() throws IOException {
        Path file = keys("# who          key     class", "acme  sk-1  interactive", "", "other  sk-2 # no class");
        List<Key> keys = Keyring.read(file, Keyring.promises());
        assertThat(keys).extracting(Key::tenant).containsExactly("acme", "other");
        assertThat(keys).extracting(Key::className).containsExactly("interactive", "standard");
        assertThat(keys.getFirst().toString()).doesNotContain("sk-1");
    }

    @Test
    void aBrokenKeysFileIsNamedWithItsLine() {
        assertKeys("keys.txt, line 2: expected a tenant's name", "a k", "b");
        assertKeys("keys.txt, line 1: no SLO is known for class \"gold\"", "a k gold");
        assertKeys("keys.txt, line 2: a is named twice", "a k", "a l");
        assertKeys("keys.txt names no tenant", "# nobody");
    }

    private void assertKeys(String problem, String... lines) {
        assertThatThrownBy(() -> Keyring.read(keys(lines), Keyring.promises()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(problem);
    }

    private Path keys(String... lines) throws IOException {
        return Files.write(folder.resolve("keys.txt"), List.of(lines));
    }

    @Test
    void addressesAreReadAsClientsWriteThem() {
        assertThat(Target.of("127.0.0.1:8000").toString()).isEqualTo("http://127.0.0.1:8000/v1");
        assertThat(Target.of("https://example.com/v1/").toString()).isEqualTo("https://example.com:443/v1");
        assertThat(Target.of("http://host/openai/v1").path()).isEqualTo("/openai/v1");
        assertThatThrownBy(() -> Target.of("ftp://host")).hasMessageContaining("http:// or https://");
        assertThatThrownBy(() -> Target.of("http://a b")).hasMessageContaining("must be an address");
    }

    @Test
    void promisesAreReadAsTheyAreSaid() {
        assertThat(SloOption.of("gold:ttft=200ms,itl=20ms").slo())
                .isEqualTo(new Slo.Stream(Duration.ofMillis(200), Duration.ofMillis(20)));
        assertThat(SloOption.of("batch:e2e=2m").slo()).isEqualTo(new Slo.WholeAnswer(Duration.ofMinutes(2)));
        for (String wrong : List.of("ttft=1s,itl=1s", "a:ttft=1s", "a:itl=1s,ttft=1s", "a:e2e=", ":e2e=1s")) {
            assertThatThrownBy(() -> SloOption.of(wrong)).hasMessageContaining("must be like interactive:ttft=500ms");
        }
    }
}

package io.sluice.server.generation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {

    @Test
    void the_outcome_does_not_depend_on_how_the_text_is_cut() {
        for (long seed = 0; seed < 20_000; seed++) {
            Random random = new Random(seed);
            List<String> stops = new ArrayList<>();
            for (int i = random.nextInt(4); i >= 0; i--) stops.add(word(random, 1 + random.nextInt(4)));
            String text = word(random, random.nextInt(30));
            assertThat(shown(stops, text, random))
                    .as("seed %d, stops %s, text %s", seed, stops, text)
                    .isEqualTo(expected(stops, text));
        }
    }

    @Test
    void what_may_still_become_a_stop_text_is_held_back_and_nothing_else() {
        StopStrings stop = new StopStrings(List.of("STOP"));
        assertThat(stop.append("abcST")).isEqualTo("abc");
        assertThat(stop.append("x")).isEqualTo("STx");
        assertThat(stop.append("STO")).isEmpty();
        assertThat(stop.append("P and more")).isEmpty();
        assertThat(stop.found()).isTrue();
        assertThat(stop.append("ignored")).isEmpty();
    }

    /// The same decided on the whole text: character by character, the first stop text that is complete.
    private static String expected(List<String> stops, String text) {
        for (int end = 1; end <= text.length(); end++) {
            String sofar = text.substring(0, end);
            int cut = stops.stream()
                    .filter(sofar::endsWith)
                    .mapToInt(stop -> sofar.length() - stop.length())
                    .min()
                    .orElse(-1);
            if (cut >= 0) return text.substring(0, cut);
        }
        return text;
    }

    private static String shown(List<String> stops, String text, Random random) {
        StopStrings stop = new StopStrings(stops);
        StringBuilder shown = new StringBuilder();
        for (int from = 0; from < text.length(); ) {
            int to = Math.min(text.length(), from + 1 + random.nextInt(5));
            shown.append(stop.append(text.substring(from, to)));
            from = to;
        }
        return shown.append(stop.finish()).toString();
    }

    /// Of two letters, so that stop texts overlap with everything.
    private static String word(Random random, int length) {
        StringBuilder word = new StringBuilder();
        for (int i = 0; i < length; i++) word.append((char) ('a' + random.nextInt(2)));
        return word.toString();
    }
}

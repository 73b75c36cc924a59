package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class SumsTest {
    private static final Pattern SUM = Pattern.compile("(\\d+) ([-+x]) (\\d+) = (\\d+)");

    @Test
    void everySumThatIsTaughtIsRight() {
        var sums = new Sums(Grammar.load("words.txt"));
        var random = new SplittableRandom(3);
        int checked = 0;
        for (int i = 0; i < 5_000; i++) {
            Chat.Turn turn = sums.turn(random);
            Matcher sum = SUM.matcher(turn.assistant());
            if (sum.find()) {
                int a = Integer.parseInt(sum.group(1));
                int b = Integer.parseInt(sum.group(3));
                int expected = switch (sum.group(2)) {
                    case "+" -> a + b;
                    case "-" -> a - b;
                    default -> a * b;
                };
                assertThat(Integer.parseInt(sum.group(4))).as(turn.toString()).isEqualTo(expected);
                assertThat(turn.user()).as("the question asks for it").contains(sum.group(1), sum.group(3));
                checked++;
            }
        }
        assertThat(checked).isGreaterThan(1_000);
    }

    @Test
    void numbersAreSpelled() {
        assertThat(Sums.words(0)).isEqualTo("zero");
        assertThat(Sums.words(17)).isEqualTo("seventeen");
        assertThat(Sums.words(40)).isEqualTo("forty");
        assertThat(Sums.words(99)).isEqualTo("ninety-nine");
    }
}

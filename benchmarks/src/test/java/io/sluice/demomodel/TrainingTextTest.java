package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TrainingTextTest {
    private static final int CHATS = 4_000;
    private static final HeldOutPrompts HELD_OUT = HeldOutPrompts.load();

    @Test
    void theSeedDecidesTheText() {
        String text = new TrainingText(7, CHATS, HELD_OUT).sha256();

        assertThat(new TrainingText(7, CHATS, HELD_OUT).sha256()).isEqualTo(text);
        assertThat(new TrainingText(8, CHATS, HELD_OUT).sha256()).isNotEqualTo(text);
    }

    @Test
    void thereAreAHundredDifferentHeldOutPrompts() {
        assertThat(HELD_OUT.prompts()).hasSize(100).doesNotHaveDuplicates();
    }

    @Test
    void noRuleIsLeftUnexpanded() {
        for (Chat chat : new TrainingText(7, CHATS, HELD_OUT).chats()) {
            assertThat(chat.toString().substring(5)).doesNotContain("{", "}", "|");
            for (Chat.Turn turn : chat.turns()) {
                assertThat(turn.user()).isNotBlank();
                assertThat(turn.assistant()).isNotBlank();
            }
        }
    }

    @Test
    void aHeldOutPromptIsNeverATrainingPrompt() {
        Set<String> heldOut = new HashSet<>();
        HELD_OUT.prompts().forEach(prompt -> heldOut.add(letters(prompt)));
        // Without the filter the generator would ask some of them: otherwise this test shows nothing.
        assertThat(asked(new TrainingText(7, CHATS, HeldOutPrompts.none()))).containsAnyElementsOf(heldOut);

        assertThat(asked(new TrainingText(7, CHATS, HELD_OUT))).doesNotContainAnyElementsOf(heldOut);
    }

    @Test
    void aHeldOutPromptIsFoundInsideALongerOneWhateverItsMarks() {
        assertThat(HELD_OUT.occursIn("hello!  what is 7 + 8")).isTrue();
        assertThat(HELD_OUT.occursIn("What is 7 + 81?")).isFalse();
    }

    private static Set<String> asked(TrainingText text) {
        var asked = new HashSet<String>();
        text.chats().forEach(chat -> chat.turns().forEach(turn -> asked.add(letters(turn.user()))));
        return asked;
    }

    private static String letters(String text) {
        return text.toLowerCase(Locale.ROOT).replaceAll("[\\s.?!,]", "");
    }
}

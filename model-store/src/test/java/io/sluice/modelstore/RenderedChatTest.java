package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A turn that is left open ends with what its message said.
class RenderedChatTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "<u>a</u><a>Once</a>|Once|<u>a</u><a>Once",
                "<u>Once</u><a>Once</a>|Once|<u>Once</u><a>Once",
                "<a>Once upon </a>|Once upon |<a>Once upon ",
                "<a>Once upon</a>| Once upon |<a>Once upon",
                "<a>x</a>|not in it|<a>x</a>",
                "<a></a>|' '|<a></a>"
            })
    void what_the_template_puts_behind_the_last_message_is_cut_off(String text, String content, String expected) {
        BitSet fromTemplate = new BitSet();
        fromTemplate.set(0, text.length());
        RenderedChat cut = new RenderedChat(text, fromTemplate).endingWith(content);
        assertThat(cut.text()).isEqualTo(expected);
        assertThat(cut.fromTemplate().length()).isEqualTo(expected.length());
    }
}

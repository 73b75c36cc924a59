package io.sluice.server.openai;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamPositionTest {

    @Test
    void every_event_of_a_stream_has_a_name_of_its_own() {
        StreamPosition position = StreamPosition.start(2);
        assertThat(position).hasToString("0-0.0");
        position.begin();
        assertThat(position).hasToString("1-0.0");
        position.begin();
        position.addText(1, 5, false);
        assertThat(position).hasToString("2-0.5");
        position.addText(0, 17, true);
        assertThat(position).hasToString("2-17e.5");
        position.finish(0, 17);
        assertThat(position).hasToString("2-17f.5");
        position.finish(1, 6);
        position.sendUsage();
        assertThat(position).hasToString("2-17f.6f-u");
        position.end();
        assertThat(position).hasToString("2-17f.6f-z");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0-0.0", "1-0.0", "2-17e.5", "2-17f.6f-u", "2-17f.6f-z", "0-999999999.0"})
    void a_name_leads_back_to_where_it_stands(String id) {
        assertThat(StreamPosition.parse(id, 2))
                .hasValueSatisfying(position -> assertThat(position).hasToString(id));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0",
                "0-0",
                "0-0.0.0",
                "3-0.0",
                "-1-0.0",
                "0-0.0-x",
                "0-0.0x",
                "0-0.0 ",
                "0-1000000000.0",
                "0-.0",
                "x",
                "٣-0.0",
                "0-0.0-u-z",
                "00000-0.0"
            })
    void nothing_else_is_a_name(String id) {
        assertThat(StreamPosition.parse(id, 2)).isEmpty();
    }

    @Test
    void the_longest_name_is_parsed_and_fits_into_a_header() {
        StreamPosition position = StreamPosition.start(StreamPosition.CHOICES_MAX);
        for (int choice = 0; choice < StreamPosition.CHOICES_MAX; choice++) position.finish(choice, 999_999_999);
        assertThat(position.toString()).hasSizeLessThan(2000);
        assertThat(StreamPosition.parse(position.toString(), StreamPosition.CHOICES_MAX))
                .isPresent();
    }
}

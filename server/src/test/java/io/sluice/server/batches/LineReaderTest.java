package io.sluice.server.batches;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Lines, and where the last whole one ends.
class LineReaderTest {
    @Test
    void lines_end_with_their_line_feed() throws Exception {
        try (LineReader reader = reader("one\n\nthrée\n")) {
            assertThat(rest(reader)).containsExactly("one", "", "thrée");
            assertThat(reader.wholeBytes()).isEqualTo(12);
            assertThat(reader.next()).isNull();
        }
    }

    @Test
    void what_follows_the_last_is_a_line_but_no_whole_one() throws Exception {
        try (LineReader reader = reader("one\nhal")) {
            assertThat(rest(reader)).containsExactly("one", "hal");
            assertThat(reader.wholeBytes()).isEqualTo(4);
        }
    }

    @Test
    void nothing_has_no_lines() throws Exception {
        try (LineReader reader = reader("")) {
            assertThat(rest(reader)).isEmpty();
            assertThat(reader.wholeBytes()).isZero();
        }
    }

    @Test
    void no_more_is_read_ahead_than_a_buffer() throws Exception {
        ByteArrayInputStream endless =
                new ByteArrayInputStream("0123456\n".repeat(100_000).getBytes(StandardCharsets.UTF_8));
        try (LineReader reader = new LineReader(endless)) {
            assertThat(reader.next()).hasSize(7);
            assertThat(endless.available()).isGreaterThan(700_000);
        }
    }

    private static LineReader reader(String text) {
        return new LineReader(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static List<String> rest(LineReader reader) throws IOException {
        List<String> lines = new ArrayList<>();
        for (byte[] line = reader.next(); line != null; line = reader.next()) {
            lines.add(new String(line, StandardCharsets.UTF_8));
        }
        return lines;
    }
}

package io.sluice.server.access;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RateLimitHeadersTest {

    @ParameterizedTest
    @CsvSource({
        "0, 0s",
        "1, 1ms",
        "1000001, 2ms",
        "17000000, 17ms",
        "999999999, 1s",
        "1000000000, 1s",
        "8640000000, 8.64s",
        "59999000000, 59.999s",
        "60000000000, 1m0s",
        "90500000000, 1m30.5s",
        "360000000000, 6m0s",
        "3605000000000, 1h0m5s"
    })
    void durations_are_written_as_openai_writes_them(long ns, String text) {
        assertThat(RateLimitHeaders.duration(Duration.ofNanos(ns))).isEqualTo(text);
    }
}

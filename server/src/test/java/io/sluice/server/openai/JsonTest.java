package io.sluice.server.openai;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
    @ParameterizedTest
    @ValueSource(strings = {"{\"a\": [1, {", "{\"a\": 1]", "{\"a\""})
    void brokenJsonIsSaidByPlaceAndWithoutTheParsersSettings(String text) {
        assertThatThrownBy(() -> Json.parseObject(text.getBytes(StandardCharsets.UTF_8)))
                .hasMessageContaining("not valid JSON at line 1, column ")
                .hasMessageNotContaining("Source");
    }
}

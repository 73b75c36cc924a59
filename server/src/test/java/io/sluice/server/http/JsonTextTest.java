package io.sluice.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JsonTextTest {

    @Test
    void plain_values_are_written_as_json() {
        Map<String, Object> value = new LinkedHashMap<>();
        value.put("text", "a \"b\"\n→");
        value.put("list", List.of(1, 2L, 1.5, true, List.of()));
        value.put("nothing", Optional.empty());
        value.put("something", Optional.of("x"));
        value.put("map", Map.of());
        value.put(
                "time",
                List.of(new JsonText.Millis(1_234_567), new JsonText.Millis(-1_500_000), new JsonText.Millis(999)));
        value.put("no number", Double.NaN);
        assertThat(new String(JsonText.of(value), StandardCharsets.UTF_8))
                .isEqualTo(
                        "{\"text\":\"a \\\"b\\\"\\n→\",\"list\":[1,2,1.5,true,[]],\"nothing\":null,\"something\":\"x\","
                                + "\"map\":{},\"time\":[1.234,-1.500,0.000],\"no number\":null}\n");
    }
}

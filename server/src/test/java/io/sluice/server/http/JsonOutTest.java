package io.sluice.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.openai.Json;
import java.util.Random;
import org.junit.jupiter.api.Test;

class JsonOutTest {

    @Test
    void every_text_survives_the_way_to_json_and_back() {
        for (long seed = 0; seed < 5_000; seed++) {
            Random random = new Random(seed);
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(40); i > 0; i--) {
                int codePoint = random.nextInt(
                        switch (random.nextInt(4)) {
                            case 0 -> 0x20;
                            case 1 -> 0x80;
                            case 2 -> 0xD800;
                            default -> 0x110000;
                        });
                if (codePoint < 0xD800 || codePoint > 0xDFFF) text.appendCodePoint(codePoint);
            }
            byte[] json = new JsonOut().raw("{\"t\":").string(text).raw("}").toBytes();
            assertThat(Json.parseObject(json).get("t")).as("seed %d", seed).isEqualTo(text.toString());
        }
    }

    @Test
    void half_a_pair_becomes_a_replacement_and_null_stays_null() {
        assertThat(new JsonOut().string("a\uD83Db").toString()).isEqualTo("\"a\uFFFDb\"");
        assertThat(new JsonOut().string("\uDE00").toString()).isEqualTo("\"\uFFFD\"");
        assertThat(new JsonOut().string(null).toString()).isEqualTo("null");
    }

    @Test
    void numbers_that_json_does_not_have_become_some_that_it_has() {
        assertThat(new JsonOut().number(Float.NEGATIVE_INFINITY).toString()).isEqualTo("-9999.0");
        assertThat(new JsonOut().number(Float.NaN).toString()).isEqualTo("null");
        assertThat(new JsonOut().number(-1.5f).toString()).isEqualTo("-1.5");
    }
}

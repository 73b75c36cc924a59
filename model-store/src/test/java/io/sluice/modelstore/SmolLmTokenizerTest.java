package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/// A real model's own tokenizer out of its GGUF file, against Hugging Face's answers.
@EnabledIfEnvironmentVariable(named = "SLUICE_SHARED", matches = ".+")
class SmolLmTokenizerTest {
    private static Tokenizer tokenizer;

    @BeforeAll
    static void open() {
        Path file = TestModels.smolLm();
        tokenizer = Tokenizers.fromGguf(file, TestModels.ggufMetadata(file));
    }

    @Test
    void prompts_of_the_golden_cases_have_the_golden_ids() {
        JsonNode cases =
                TestModels.json(TestModels.shared("models/smollm2.golden.json")).path("cases");
        assertThat(cases).isNotEmpty();
        for (JsonNode one : cases) {
            int[] expected = TokenizerTest.ints(one.path("prompt_ids"));
            String text = one.path("rendered").asText(one.path("prompt").asText());
            assertThat(tokenizer.encode(text)).as(text).isEqualTo(expected);
            assertThat(tokenizer.encode(TokenizerTest.fromTemplate(text)))
                    .as(text)
                    .isEqualTo(expected);
            assertThat(tokenizer.decode(TokenizerTest.ints(one.path("greedy_ids"))))
                    .isEqualTo(one.path("greedy_text").asText());
        }
    }

    @Test
    void a_table_of_texts_has_hugging_faces_ids() {
        JsonNode cases =
                TestModels.json(TestModels.resource("tokenizer/smollm2.json")).path("cases");
        SoftAssertions softly = new SoftAssertions();
        for (JsonNode one : cases) {
            String text = one.path("text").asText();
            int[] ids = tokenizer.encode(text);
            softly.assertThat(ids).as("ids of <%s>", text).isEqualTo(TokenizerTest.ints(one.path("ids")));
            softly.assertThat(tokenizer.decode(ids))
                    .as("text <%s>", text)
                    .isEqualTo(one.path("decoded").asText());
        }
        softly.assertAll();
    }
}

package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class DemoTokenizerTest {
    private static DemoTokenizer tokenizer;

    @BeforeAll
    static void open() throws IOException {
        tokenizer = new DemoTokenizer(CommittedModel.FOLDER);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    @Test
    void anyTextComesBackAsItWas() {
        var random = new SplittableRandom(11);
        for (int i = 0; i < 500; i++) {
            String text = random.ints(1 + random.nextInt(40), 0, Character.MAX_CODE_POINT + 1)
                    .map(code -> random.nextInt(3) == 0 ? code : code % 0x250)
                    .filter(code -> !(code >= Character.MIN_SURROGATE && code <= Character.MAX_SURROGATE))
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
        }
    }

    @Test
    void commonWordsAreSingleTokensAndDigitsStandAlone() {
        assertThat(tokenizer.encode("story")).hasSizeLessThanOrEqualTo(2);
        assertThat(tokenizer.encode(" story")).hasSize(1);
        assertThat(tokenizer.encode("2048")).hasSize(4);
    }

    @Test
    void onlyTheAssistantsWordsAndTheEndAfterThemAreLearned() {
        var encoded = tokenizer.encode(Chat.of("What is 2 + 2?", "2 + 2 = 4."));

        int[] learned = encoded.learned().stream().map(i -> encoded.ids()[i]).toArray();
        assertThat(tokenizer.decode(learned)).isEqualTo("2 + 2 = 4.");
        assertThat(learned).endsWith(DemoTokenizer.END_ID);
    }

    @Test
    void aQuestionAloneIsTheBeginningOfItsConversation() {
        int[] prompt = tokenizer.prompt("Hello!");
        int[] whole = tokenizer.encode(Chat.of("Hello!", "Hi!")).ids();

        assertThat(IntStream.of(whole).limit(prompt.length).toArray()).isEqualTo(prompt);
    }
}

package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class BpeTrainerTest {
    private static final int BYTES = 256;

    @Test
    void theMostFrequentPairIsJoinedFirst() {
        var vocabulary = BpeTrainer.train(List.of("low low low lower"), List.of("<|end|>"), 1 + BYTES + 3);

        // l-o and o-w are equally frequent in "low": the later spelling wins.
        assertThat(vocabulary.merges()).startsWith("o w", "l ow");
        assertThat(vocabulary.ids()).containsEntry("<|end|>", 0).containsEntry("low", 1 + BYTES + 1);
    }

    @Test
    void theSameTextGivesTheSameVocabulary() {
        List<String> text = new TrainingText(7, 500, HeldOutPrompts.load()).words();

        var first = BpeTrainer.train(text, DemoTokenizer.SPECIALS, 600);
        var second = BpeTrainer.train(text.reversed(), DemoTokenizer.SPECIALS, 600);

        assertThat(second).isEqualTo(first);
        assertThat(List.copyOf(second.ids().keySet()))
                .isEqualTo(List.copyOf(first.ids().keySet()));
    }

    @Test
    void everyByteHasASymbolOfItsOwn() {
        assertThat(BpeTrainer.byteSymbols()).hasSize(BYTES).doesNotHaveDuplicates();
        assertThat(BpeTrainer.byteSymbols()[' ']).isEqualTo("\u0120");
        assertThat(BpeTrainer.byteSymbols()['A']).isEqualTo("A");
    }
}

package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.modelstore.IncrementalDetokenizer;
import io.sluice.modelstore.RenderedChat;
import io.sluice.modelstore.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/// Markers are special tokens where the vocabulary has them, and text where it has not.
class MarkerTest {
    private static final int CALLS = 256;
    private static final int END = 257;
    private static final TokenVocabulary VOCABULARY = TokenVocabulary.of(new BytesAndSpecials(), 260);
    private static final Structure.Marker SPECIAL = new Structure.Marker("[CALLS]");
    private static final Structure.Marker TEXT = new Structure.Marker("<c>");

    @Test
    void aSpecialTokenIsReadAsOneTokenAndNotAsItsText() {
        GrammarState state = begin(new Structure.Joined(List.of(SPECIAL, new Structure.OneOf(List.of("x")))));
        assertThat(reads(state, "[CALLS]")).isFalse();
        assertThat(state.accept(CALLS)).isTrue();
        assertThat(state.accept('x')).isTrue();
        assertThat(state.isOver()).isTrue();
    }

    @Test
    void noTextIsASpecialToken() {
        GrammarState state = begin(new Structure.Until(SPECIAL));
        assertThat(reads(state, "a[CALLS]b\n")).isTrue();
        assertThat(state.copy().accept(END)).isFalse();
        assertThat(state.copy().accept(0xFF)).as("a byte that no text has").isFalse();
        assertThat(state.isComplete()).isFalse();
        assertThat(state.accept(CALLS)).isTrue();
        assertThat(state.isOver()).isTrue();
        GrammarState without = begin(new Structure.Without(SPECIAL));
        assertThat(reads(without, "a[CALLS]b")).isTrue();
        assertThat(without.copy().accept(CALLS)).isFalse();
        assertThat(without.isComplete()).isTrue();
    }

    @Test
    void aTextMarkerEndsAtItsFirstOccurrence() {
        GrammarState state = begin(new Structure.Until(TEXT));
        assertThat(reads(state, "a<<c>")).isTrue();
        assertThat(state.isOver()).isTrue();
        GrammarState without = begin(new Structure.Without(TEXT));
        assertThat(reads(without, "a <c")).isTrue();
        assertThat(without.isComplete()).isTrue();
        assertThat(without.copy().accept('>')).isFalse();
        assertThat(without.accept('<')).isTrue();
    }

    @Test
    void theMaskHasASpecialTokenWhereOneMayCome() {
        GrammarState state = begin(new Structure.Until(SPECIAL));
        long[] mask = new long[VOCABULARY.maskLength()];
        state.fill(mask);
        assertThat(isSet(mask, CALLS)).isTrue();
        assertThat(isSet(mask, END)).isFalse();
        assertThat(isSet(mask, 'a')).isTrue();
        assertThat(isSet(mask, 259)).as("padding").isFalse();
    }

    private static GrammarState begin(Structure structure) {
        return structure.compile(VOCABULARY).begin();
    }

    private static boolean reads(GrammarState state, String text) {
        GrammarState trial = state.copy();
        if (!trial.read(text.getBytes(StandardCharsets.UTF_8))) return false;
        return state.read(text.getBytes(StandardCharsets.UTF_8));
    }

    private static boolean isSet(long[] mask, int token) {
        return (mask[token >> 6] & 1L << token) != 0;
    }

    /// A token per byte, and two special ones.
    private static final class BytesAndSpecials implements Tokenizer {
        @Override
        public byte[] tokenBytes(int id) {
            return id < CALLS ? new byte[] {(byte) id} : new byte[0];
        }

        @Override
        public String tokenText(int id) {
            return id == CALLS ? "[CALLS]" : id == END ? "[END]" : String.valueOf((char) id);
        }

        @Override
        public boolean isSpecial(int id) {
            return id >= CALLS;
        }

        @Override
        public int vocabSize() {
            return 258;
        }

        @Override
        public int[] encode(String text) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int[] encodeContinuation(String text) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int[] encode(RenderedChat chat) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String decode(int[] ids) {
            throw new UnsupportedOperationException();
        }

        @Override
        public OptionalInt tokenId(String token) {
            throw new UnsupportedOperationException();
        }

        @Override
        public IncrementalDetokenizer detokenizer() {
            throw new UnsupportedOperationException();
        }
    }
}

package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The mask of a place has exactly the tokens whose bytes can be read there, one by one.
class TokenMaskTest {

    static List<Structure> structures() {
        return List.of(
                new Structure.JsonObject(),
                new Structure.JsonSchema("{\"type\":\"array\",\"items\":{\"type\":\"number\"}}"),
                new Structure.JsonSchema(
                        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":70},"
                                + "\"Zoë\":{\"enum\":[\"日本\",\"日\",null,12]},\"date\":{\"type\":\"string\",\"format\":\"date\"}}}"),
                new Structure.JsonSchema(
                        "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"type\":\"object\",\"properties\":"
                                + "{\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/t\"},{\"type\":\"null\"}]}},\"additionalProperties\":false}}}"),
                new Structure.Matching("([^\"]|\"\"){0,40}(日本|é+)?"),
                new Structure.OneOf(List.of("the quick", "the quiet", "日本", "")),
                new Structure.Written("root ::= line+\nline ::= [^\\n]* \"\\n\""),
                new Structure.Written("root ::= root \"+\" term | term\nterm ::= [0-9]+ | \"(\" root \")\""),
                new Structure.Written("root ::= \"a\" root \"b\" | \"a\" root | \"x\""),
                new Structure.Joined(List.of(
                        new Structure.Until(new Structure.Marker("]}")),
                        new Structure.Repeated(new Structure.OneOf(List.of("true, "))),
                        new Structure.Without(new Structure.Marker("quick")))),
                new Structure.Joined(List.of(
                        new Structure.OneOf(
                                List.of("{\"name\": \"f\", \"arguments\": ", "{\"name\": \"g\", \"arguments\": ")),
                        new Structure.JsonObject(),
                        new Structure.OneOf(List.of("}")))));
    }

    @ParameterizedTest
    @MethodSource("structures")
    void theMaskIsWhatTryingEachTokenFinds(Structure structure) {
        CompiledGrammar grammar = structure.compile(Vocabularies.SMALL);
        SplittableRandom random = new SplittableRandom(7);
        for (int walk = 0; walk < 6; walk++) {
            GrammarState state = grammar.begin();
            for (int step = 0; step < 25 && !state.isOver(); step++) {
                int token = check(state, random);
                if (token < 0) break;
                assertThat(state.accept(token)).isTrue();
            }
        }
    }

    /// One state looks ahead of another again and again, wherever it has gone itself before.
    @ParameterizedTest
    @MethodSource("structures")
    void aStateThatIsMovedIsWhereTheOtherIsAndGoesItsOwnWay(Structure structure) {
        CompiledGrammar grammar = structure.compile(Vocabularies.SMALL);
        SplittableRandom random = new SplittableRandom(8);
        GrammarState ahead = grammar.begin();
        for (int walk = 0; walk < 4; walk++) {
            GrammarState state = grammar.begin();
            for (int step = 0; step < 20 && !state.isOver(); step++) {
                long[] before = mask(state);
                ahead.moveTo(state);
                assertThat(mask(ahead)).isEqualTo(before);
                assertThat(ahead.isComplete()).isEqualTo(state.isComplete());
                int token = any(before, random);
                if (token < 0) break;
                GrammarState apart = state.copy();
                for (int further = 0; further < 4 && token >= 0; further++) {
                    assertThat(ahead.accept(token)).isEqualTo(apart.accept(token));
                    assertThat(mask(ahead)).isEqualTo(mask(apart));
                    assertThat(ahead.isOver()).isEqualTo(apart.isOver());
                    token = any(mask(ahead), random);
                }
                assertThat(mask(state)).isEqualTo(before);
                assertThat(state.accept(any(before, random))).isTrue();
            }
        }
    }

    private static long[] mask(GrammarState state) {
        long[] mask = new long[Vocabularies.SMALL.maskLength()];
        state.fill(mask);
        return mask;
    }

    /// A token of the mask, or -1.
    private static int any(long[] mask, SplittableRandom random) {
        int[] tokens = BitSet.valueOf(mask).stream().toArray();
        return tokens.length == 0 ? -1 : tokens[random.nextInt(tokens.length)];
    }

    /// A token that may come next, or -1.
    private static int check(GrammarState state, SplittableRandom random) {
        TokenVocabulary vocabulary = Vocabularies.SMALL;
        long[] mask = new long[vocabulary.maskLength()];
        state.fill(mask);
        int chosen = -1;
        int seen = 0;
        for (int token = 0; token < vocabulary.size(); token++) {
            boolean allowed = (mask[token >> 6] & 1L << token) != 0;
            boolean readable = state.copy().accept(token);
            assertThat(allowed).as("token %d", token).isEqualTo(readable);
            if (allowed && random.nextInt(++seen) == 0) chosen = token;
        }
        return chosen;
    }

    @Test
    void specialTokensAreNeverAllowed() {
        GrammarState state =
                new Structure.JsonObject().compile(Vocabularies.SMALL).begin();
        long[] mask = new long[Vocabularies.SMALL.maskLength()];
        state.fill(mask);
        for (int special = 256; special < 259; special++) {
            assertThat(mask[special >> 6] & 1L << special).isZero();
            assertThat(state.copy().accept(special)).isFalse();
        }
    }

    @Test
    void aCopyGoesItsOwnWay() {
        GrammarState state = new Structure.OneOf(List.of("ab", "ac"))
                .compile(Vocabularies.SMALL)
                .begin();
        assertThat(state.accept('a')).isTrue();
        GrammarState copy = state.copy();
        assertThat(copy.accept('b')).isTrue();
        assertThat(state.accept('c')).isTrue();
        assertThat(copy.isOver()).isTrue();
        assertThat(state.isOver()).isTrue();
    }

    @Test
    void aListWrittenAsARecursionTakesNoMoreThanItsLastElements() {
        GrammarState state = new Structure.Written("root ::= \"a\" root | \"b\"")
                .compile(Vocabularies.SMALL)
                .begin();
        for (int i = 0; i < 100_000; i++) assertThat(state.accept('a')).isTrue();
        assertThat(state.frames()).isLessThan(1_000);
        assertThat(state.accept('b')).isTrue();
        assertThat(state.isOver()).isTrue();
    }

    @Test
    void deepNestingIsFollowedBackOut() {
        GrammarState state = new Structure.Written("root ::= \"(\" root? \")\"")
                .compile(Vocabularies.SMALL)
                .begin();
        int depth = 20_000;
        for (int i = 0; i < depth; i++) assertThat(state.accept('(')).isTrue();
        for (int i = 0; i < depth; i++) {
            assertThat(state.isComplete()).isFalse();
            assertThat(state.accept(')')).isTrue();
        }
        assertThat(state.isOver()).isTrue();
    }
}

package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GbnfGrammarTest {
    private static final String CHESS = """
            # moves of a game, as llama.cpp's notation has them
            root   ::= "1. " move " " move "\\n" ([1-9] [0-9]? ". " move " " move "\\n")+
            move   ::= (pawn | nonpawn | castle) [+#]?

            pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
            nonpawn ::=
              ([NBKQR] [a-h]? [1-8]? "x"?
              [a-h] [1-8])
            castle ::= "O-O" "-O"?
            """;

    private static final String SUMS = """
            root ::= sum
            sum ::= sum [-+] product
              | product
            product ::= product "*" atom | atom
            atom ::= [0-9]{1,3} | "(" sum ")"
            """;

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "`1. e4 e5\n2. Nf3 Nc6\n`, true",
                "`1. e4 e5\n`, false",
                "`1. e4 e5\n2. O-O-O exd8=Q#\n10. a1 b2\n`, true",
                "`1. e9 e5\n2. a1 a2\n`, false"
            })
    void chessIsFollowed(String text, boolean valid) {
        assertThat(accepts(CHESS, text)).isEqualTo(valid);
    }

    @ParameterizedTest
    @CsvSource({"1+2*3, true", "(1-(22*333))+4, true", "1+, false", "1234, false", "((1), false", "1)+2, false"})
    void leftRecursionIsFollowed(String text, boolean valid) {
        assertThat(accepts(SUMS, text)).isEqualTo(valid);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`root ::= \"a\"{2,3}` | aaa | true",
                "`root ::= \"a\"{2,}` | aaaaaaa | true",
                "`root ::= \"a\"{,2}b\nb::= \"b\"` | b | true",
                "`root ::= [^a-c]+` | xyz日 | true",
                "`root ::= [^a-c]+` | xaz | false",
                "`root ::= \"\\x41\\u00e9\\U0001F600\"` | Aé😀 | true",
                "`root ::= . .` | 日本 | true",
                "`root ::= [\\]\\-^]+` | ]-^ | true",
                "`root ::= a a?\na ::= \"x\"?` | x | true",
                "`root ::= a a?\na ::= \"x\"? \"y\"?` | xyxy | true",
                "`root ::= s\ns ::= s s | \"a\" | \"b\"` | abababab | true"
            })
    void constructsMeanWhatLlamaCppMeans(String grammar, String text, boolean valid) {
        assertThat(accepts(grammar, text)).isEqualTo(valid);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`x ::= \"a\"` | no rule named root",
                "`root ::= y` | line 1: the rule y is not defined",
                "`root ::= \"a\nroot2 ::= \"b\"` | line 1",
                "`root = \"a\"` | ::= is missing",
                "`root ::= (\"a\"` | ( without )",
                "`root ::= [a` | [ without ]",
                "`root ::= \"a\"\nroot ::= \"b\"` | defined twice",
                "`root ::= root | \"a\"` | nothing else",
                "`root ::= \"a\" root` | no text can fulfil",
                "`root ::= \"a\"{20000}` | repetitions",
                "`root ::= (\"a\"{1000}){1000}` | too large",
                "`root ::= <[7]>` | not supported",
                "`root ::= \"\"` | empty text",
                "`root ::= *` | unexpected *"
            })
    void whatIsWrongIsSaid(String grammar, String message) {
        assertThatThrownBy(() -> new Structure.Written(grammar).compile(Vocabularies.SMALL))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining(message);
    }

    @Test
    void anAmbiguousGrammarTakesNoMoreThanItsStates() {
        String ambiguous = "root ::= a a a a a\na ::= \"x\" a | \"x\" a \"x\" | \"x\"";
        assertThat(accepts(ambiguous, "x".repeat(300))).isTrue();
    }

    private static boolean accepts(String grammar, String text) {
        GrammarState state =
                new Structure.Written(grammar).compile(Vocabularies.SMALL).begin();
        return state.read(text.getBytes(StandardCharsets.UTF_8)) && state.isComplete();
    }
}

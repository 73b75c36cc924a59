package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Small texts that ask for much: each is refused, or followed at a bounded price. Without bounds these take the
/// memory, the stack, or minutes.
class HostileStructuresTest {

    static List<Structure> costlyToCompile() {
        return List.of(
                schema("{'allOf':[" + joined(40, i -> "{'anyOf':[{'minLength':" + i + "},{'maxLength':1000}]}")
                        + ",{'anyOf':[{'allOf':[false]}]}]}"),
                schema("{'$ref':'#/$defs/a0','$defs':{"
                        + joined(
                                30,
                                i -> "'a%d':{'allOf':[{'$ref':'#/$defs/a%d'},{'$ref':'#/$defs/a%d'}]}"
                                        .formatted(i, i + 1, i + 1))
                        + ",'a30':{'type':'null'}}}"),
                schema("{'$ref':'#/$defs/a0','$defs':{"
                        + joined(5_000, i -> "'a%d':{'$ref':'#/$defs/a%d'}".formatted(i, i + 1))
                        + ",'a5000':{'type':'null'}}}"),
                schema("{'$ref':'#/$defs/a0','$defs':{"
                        + joined(
                                3_500, i -> "'a%d':{'type':'array','items':{'$ref':'#/$defs/a%d'}}".formatted(i, i + 1))
                        + ",'a3500':{'type':'null'}}}"),
                schema("{'allOf':[{'enum':[" + joined(19_000, i -> "" + 2 * i) + "]},{'enum':["
                        + joined(19_000, i -> "" + (2 * i + 1)) + "]}]}"),
                schema("{'type':'string','pattern':'^(a|b)*a(a|b){10}$','enum':[" + joined(19_000, i -> "'x" + i + "'")
                        + "]}"),
                schema("{'patternProperties':{" + joined(3_000, i -> "'^x" + i + "$':{}") + "}}"),
                new Structure.Matching("a" + "?".repeat(100_000)),
                new Structure.Matching("\\p{L}".repeat(20_000)),
                new Structure.Matching("[" + "\\p{L}".repeat(40_000) + "]"),
                new Structure.Matching("((((){10000}){10000}){10000}){10000}"),
                new Structure.Written("root ::= \"a\"" + "?*".repeat(50_000)),
                new Structure.Written("root ::= ((\"\"{10000}){10000}){10000} \"a\""));
    }

    private static Structure schema(String json) {
        return new Structure.JsonSchema(json.replace('\'', '"'));
    }

    private static String joined(int count, IntFunction<String> part) {
        return IntStream.range(0, count).mapToObj(part).collect(Collectors.joining(","));
    }

    @ParameterizedTest
    @MethodSource("costlyToCompile")
    void limitsThatMultiplyAreRefusedTogether(Structure structure) {
        assertThatThrownBy(() -> structure.compile(Vocabularies.SMALL)).isInstanceOf(GrammarException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "root ::= root root | root root root | . | . .",
                "root ::= x*\nx ::= a | b | c\na ::= .+\nb ::= . .+\nc ::= .{1,20}",
            })
    void whatIsTooAmbiguousToBeFollowedIsRefusedOrEndsItsOwnOutput(String grammar) {
        assertThatThrownBy(() -> {
                    GrammarState state =
                            new Structure.Written(grammar).compile(LONG_TOKENS).begin();
                    long[] mask = new long[LONG_TOKENS.maskLength()];
                    for (int i = 0; i < 200; i++) {
                        state.fill(mask);
                        assertThat(state.accept('a')).isTrue();
                    }
                })
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("too ambiguous");
    }

    /// Every byte, and texts of up to 128 letters.
    private static final TokenVocabulary LONG_TOKENS = TokenVocabulary.of(IntStream.range(0, 1_256)
            .mapToObj(i -> i < 256
                    ? new byte[] {(byte) i}
                    : "abc".repeat(50).substring(i % 3, i % 3 + 1 + i % 128).getBytes(StandardCharsets.US_ASCII))
            .toList());

    @ParameterizedTest
    @ValueSource(
            strings = {"1e999999999", "1e99999", "1e-999999999", "-1e-99999", "-1e999999999", "1.7976931348623157e308"})
    void limitsOfAnyMagnitudeAreCompared(String limit) {
        String[] numbers = {
            "-9999999999999999999.5", "-1", "-0.00000000000000000001", "0", "0.00000000000000000001", "7"
        };
        for (String number : numbers) {
            boolean isLess = new BigDecimal(number).compareTo(new BigDecimal(limit)) < 0;
            assertThat(allows("maximum", limit, number))
                    .as("%s <= %s", number, limit)
                    .isEqualTo(isLess);
            assertThat(allows("exclusiveMaximum", limit, number))
                    .as("%s < %s", number, limit)
                    .isEqualTo(isLess);
            assertThat(allows("minimum", limit, number))
                    .as("%s >= %s", number, limit)
                    .isEqualTo(!isLess);
            assertThat(allows("exclusiveMinimum", limit, number))
                    .as("%s > %s", number, limit)
                    .isEqualTo(!isLess);
        }
    }

    private static boolean allows(String keyword, String limit, String number) {
        try {
            GrammarState state = schema("{'anyOf':[{'type':'null'},{'type':'number','" + keyword + "':" + limit + "}]}")
                    .compile(Vocabularies.SMALL)
                    .begin();
            return state.read(number.getBytes(StandardCharsets.US_ASCII)) && state.isComplete();
        } catch (GrammarException e) {
            throw new AssertionError(keyword + " " + limit, e);
        }
    }

    @Test
    void valuesTooLargeToBeDividedAreRefused() {
        assertThatThrownBy(() -> schema("{'enum':[1e999999999],'multipleOf':3}").compile(Vocabularies.SMALL))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("multipleOf");
    }
}

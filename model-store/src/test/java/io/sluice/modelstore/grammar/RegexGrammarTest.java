package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What is written under a regular expression matches it, as `java.util.regex` has it.
class RegexGrammarTest {
    private static final int EXPRESSIONS = 300;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[a-z]{3}",
                "(foo|ba[rz])+",
                "\\d{3}-\\d{4}",
                "^anchored$",
                "(^a|b)c?($|d)",
                ".{0,5}x",
                "[^\\s\\w]{1,4}",
                "\\w+@\\w+\\.(org|com)",
                "(?:a|(?<name>b)){2,3}",
                "[\\u00e0-\\u00ff日本\\-\\]]+",
                "\\p{Lu}\\p{Ll}{2}\\P{L}",
                "a*?b+?c??",
                "(a|b)*abb",
                "((a{2}){2}){2}",
                "\\x41\\n\\t\\\\",
                "[😀-😎]{2}",
                ""
            })
    void outputsMatch(String regex) {
        SplittableRandom random = new SplittableRandom(regex.hashCode());
        if (regex.isEmpty()) {
            assertThatThrownBy(() -> new Structure.Matching(regex).compile(Vocabularies.SMALL))
                    .isInstanceOf(GrammarException.class)
                    .hasMessageContaining("empty text");
            return;
        }
        checkOutputs(regex, random, 20);
    }

    @Test
    void outputsOfRandomExpressionsMatch() {
        for (int seed = 0; seed < EXPRESSIONS; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String regex = expression(random, 3) + "z";
            checkOutputs(regex, random, 5);
        }
    }

    private static void checkOutputs(String regex, SplittableRandom random, int count) {
        Adversary adversary = new Adversary(new Structure.Matching(regex).compile(Vocabularies.SMALL), random.split());
        Pattern pattern = Pattern.compile(regex, Pattern.UNICODE_CHARACTER_CLASS | 0);
        Pattern plain = Pattern.compile(regex);
        for (int i = 0; i < count; i++) {
            Optional<String> output = adversary.write();
            if (output.isEmpty()) continue; // an expression without an upper bound may go on for long
            boolean matches = plain.matcher(output.get()).matches()
                    || pattern.matcher(output.get()).matches();
            assertThat(matches).as("%s wrote \"%s\"", regex, output.get()).isTrue();
        }
    }

    private static String expression(SplittableRandom random, int depth) {
        return switch (random.nextInt(depth > 0 ? 8 : 4)) {
            case 0 -> "[a-d]";
            case 1 -> "é";
            case 2 -> ".";
            case 3 -> "[^a-m😀]";
            case 4 -> expression(random, depth - 1) + expression(random, depth - 1);
            case 5 -> "(" + expression(random, depth - 1) + "|" + expression(random, depth - 1) + ")";
            case 6 ->
                "(" + expression(random, depth - 1) + ")"
                        + List.of("?", "*", "{2}", "{1,3}").get(random.nextInt(4));
            default -> "(" + expression(random, depth - 1) + ")+";
        };
    }

    /// The mask after each prefix of a text is what `java.util.regex` finds possible: it knows when more
    /// could match.
    @Test
    void masksAreWhatAnotherEngineFindsPossible() {
        List<String> letters = List.of("a", "b", "c", "aa", "ab", "ba", "bc", "abc", "cab", "aabb");
        TokenVocabulary vocabulary = TokenVocabulary.of(letters.stream()
                .map(letter -> letter.getBytes(java.nio.charset.StandardCharsets.US_ASCII))
                .toList());
        for (int seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String regex = smallExpression(random, 3) + "c";
            GrammarState state =
                    new Structure.Matching(regex).compile(vocabulary).begin();
            StringBuilder text = new StringBuilder();
            long[] mask = new long[1];
            for (int step = 0; step < 8; step++) {
                state.fill(mask);
                List<Integer> possible = IntStream.range(0, letters.size())
                        .filter(token -> canGoOn(regex, text + letters.get(token)))
                        .boxed()
                        .toList();
                assertThat(tokens(mask)).as("%s after \"%s\"", regex, text).isEqualTo(possible);
                assertThat(state.isComplete())
                        .as("%s after \"%s\"", regex, text)
                        .isEqualTo(text.toString().matches(regex));
                if (possible.isEmpty()) break;
                int token = possible.get(random.nextInt(possible.size()));
                text.append(letters.get(token));
                assertThat(state.accept(token)).isTrue();
            }
        }
    }

    @SuppressWarnings("JdkObsolete") // whether more input could match is the question
    private static boolean canGoOn(String regex, String text) {
        var matcher = Pattern.compile(regex).matcher(text);
        return matcher.matches() || matcher.hitEnd();
    }

    private static List<Integer> tokens(long[] mask) {
        return IntStream.range(0, 64)
                .filter(token -> (mask[0] >>> token & 1) != 0)
                .boxed()
                .collect(Collectors.toList());
    }

    private static String smallExpression(SplittableRandom random, int depth) {
        return switch (random.nextInt(depth > 0 ? 6 : 2)) {
            case 0 -> "a";
            case 1 -> "[ab]";
            case 2, 3 -> smallExpression(random, depth - 1) + smallExpression(random, depth - 1);
            case 4 -> "(" + smallExpression(random, depth - 1) + "|" + smallExpression(random, depth - 1) + ")";
            default ->
                "(" + smallExpression(random, depth - 1) + ")"
                        + List.of("?", "*", "{2}").get(random.nextInt(3));
        };
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "(a)\\1 back-reference",
                "(?=a)b look-ahead",
                "(?<!a)b look-behind",
                "\\bword boundary",
                "(a )",
                "a) unmatched",
                "[z-a] range",
                "[] empty",
                "*a repeat",
                "a{2,1} bound",
                "a{1000000} repetitions",
                "(a{1000}){1000} too",
                "\\q escape",
                "a\\ end",
                "(?i)a group",
                "a++ possessive",
                "a^b no"
            })
    void whatCannotBeHadIsRefusedByName(String regex, String word) {
        assertThatThrownBy(() -> new Structure.Matching(regex).compile(Vocabularies.SMALL))
                .as(regex)
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining(word);
    }
}

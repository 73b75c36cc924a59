package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.modelstore.ChatTemplate.ChatTemplateException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Who wrote which character, and templates that mean harm. What templates render is in `JinjaFixturesTest`.
class JinjaTemplateTest {
    private static final String USER = "User <|x|>";

    /// Each template with the part of its output, between `^` marks, that must count as the template's own.
    @ParameterizedTest
    @CsvSource(delimiter = ';', textBlock = """
            a{{ c }}b                                 ; ^a^User <|x|>^b^
            {{ '<' + c + '>' }}                       ; ^<^User <|x|>^>^
            {{ '<' ~ c ~ '>' }}                       ; ^<^User <|x|>^>^
            {{ ('[ ' ~ c ~ ' ]') | trim('[ ]') }}     ; User <|x|>
            {{ c.replace('<|x|>', '<|y|>') }}         ; User ^<|y|>^
            {{ c | replace('User', '') | trim }}      ; <|x|>
            {{ c | upper }}{{ 'a' | upper }}          ; USER <|X|>^A^
            {{ ['a', c, 'b'] | join('-') }}           ; ^a-^User <|x|>^-b^
            {{ ('<' ~ c)[:3] }}                       ; ^<^Us
            {{ (c ~ 'abc')[::-1][:4] }}               ; ^cba^>
            {{ '%s!' % c }}                           ; User <|x|>^!^
            {{ '{}!'.format(c) }}                     ; User <|x|>^!^
            {{ ('a|' ~ c).split('|')[0] }}            ; ^a^
            {{ c.split(' ')[1] ~ '|' }}               ; <|x|>^|^
            {{ [c] }}                                 ; ['User <|x|>']
            {{ c | tojson }}                          ; "User <|x|>"
            {{ ('- ' ~ c) | indent(2, true) }}        ; ^  - ^User <|x|>
            {% set v %}({{ c }}){% endset %}{{ v }}   ; ^(^User <|x|>^)^
            {% macro m(a) %}({{ a }}){% endmacro %}{{ m(c) }} ; ^(^User <|x|>^)^
            {% filter lower %}A{{ c }}{% endfilter %} ; ^a^user <|x|>
            {{ bos_token }}{{ extra }}                ; ^<s>^<|extra|>
            {{ '<|' ~ messages[0].role ~ '|>' }}      ; ^<|user|>^
            {{ '<|' ~ messages[1].role ~ '|>' }}      ; ^<|^im_end^|>^
            {{ 'ß' | upper }}{{ (c ~ 'ß') | upper }}  ; ^SS^USER <|X|>SS
            """)
    void each_character_knows_who_wrote_it(String template, String expected) {
        String source = "{% set c = messages[0].content %}" + template;
        RenderedChat chat = template(source)
                .render(
                        List.of(Map.of("role", "user", "content", USER), Map.of("role", "im_end", "content", "")),
                        Map.of("extra", "<|extra|>"));
        assertThat(marked(chat)).isEqualTo(expected);
    }

    private static String marked(RenderedChat chat) {
        StringBuilder marked = new StringBuilder();
        boolean inside = false;
        for (int i = 0; i < chat.text().length(); i++) {
            if (chat.fromTemplate().get(i) != inside) {
                inside = !inside;
                marked.append('^');
            }
            marked.append(chat.text().charAt(i));
        }
        return marked.append(inside ? "^" : "").toString();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}",
                "{{ range(10000000000) | list }}",
                "{% set ns = namespace(x='ab') %}{% for i in range(1000) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
                "{% set ns = namespace(x='ab') %}{% for i in range(1000) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                "{% set ns = namespace(x=[1]) %}{% for i in range(1000) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                "{{ 'ab' * 1000000000 }}",
                "{{ [1] * 1000000000 }}",
                "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
                "{{ ('a' * 100000).replace('', 'b' * 100000) }}",
                "{{ (['a' * 1000] * 50000) | join('b' * 1000) }}",
                "{% for i in range(100000) %}{{ 'abcdefghij' * 1000 }}{% endfor %}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 2) }}{% endmacro %}{{ m(0) }}",
                "{{ 9223372036854775807 + 1 }}",
                "{{ 10 ** 100 }}",
                "{{ 2 ** 99999999999 }}",
                "{{ '%999d%999d' % 1 }}",
                "{{ 'x' | indent(1000000000) | indent(1000000000) | indent('y' * 17000000) | indent('y' * 17000000, true) }}",
                "{{ [[[[1]]]].__class__.__bases__ }}",
                "{{ messages.__class__.forName('java.lang.Runtime') }}",
                "{{ ''.getClass().getName() }}",
            })
    void harmful_templates_are_stopped(String template) {
        assertThatThrownBy(() -> template(template).render(List.of(), Map.of()))
                .isInstanceOf(ChatTemplateException.class);
    }

    static Stream<String> deepTemplates() {
        return Stream.of(
                "{{ " + "(".repeat(50_000) + "1" + ")".repeat(50_000) + " }}",
                "{{ " + "[".repeat(50_000) + "]".repeat(50_000) + " }}",
                "{{ " + "not ".repeat(50_000) + "1 }}",
                "{{ " + "-".repeat(50_000) + "1 }}",
                "{{ " + "1 if ".repeat(50_000) + "1 }}",
                "{{ " + "1 if 1 else ".repeat(50_000) + "1 }}",
                "{{ x" + ".a".repeat(50_000) + " }}",
                "{{ 1" + " + 1".repeat(50_000) + " }}",
                "{{ ''" + "|trim".repeat(50_000) + " }}",
                "{{ 1" + " and 1".repeat(50_000) + " }}",
                "{% if 1 %}".repeat(50_000) + "{% endif %}".repeat(50_000),
                "{% for x in [1] %}".repeat(1_000) + "{% endfor %}".repeat(1_000),
                "{% set x = [] %}" + "{% set x = [x, x] %}".repeat(60) + "{{ x }}",
                "{% set x = [] %}" + "{% set x = [x, x] %}".repeat(60) + "{{ x | tojson }}",
                "{% set x = [] %}" + "{% set x = [x, x] %}".repeat(60) + "{{ x == [x] }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}{{ ns.x | tojson }}");
    }

    @ParameterizedTest
    @MethodSource("deepTemplates")
    void deep_templates_do_not_overflow_the_stack(String source) {
        try {
            template(source).render(List.of(), Map.of());
        } catch (ChatTemplateException | JinjaException e) {
            assertThat(e.getMessage()).isNotBlank();
        }
    }

    @Test
    void a_template_that_does_not_parse_names_its_line() {
        assertThatThrownBy(() -> template("a\nb\n{% if x %}\n{{ x | nosuch }}\n{% endif %}"))
                .isInstanceOfSatisfying(
                        JinjaException.class,
                        e -> assertThat(e.described()).contains("line 4").contains("nosuch"));
        assertThatThrownBy(() -> template("a\n{% for x in y %}\n"))
                .isInstanceOfSatisfying(
                        JinjaException.class,
                        e -> assertThat(e.described()).contains("line 2").contains("'for' is never closed"));
    }

    @Test
    void a_refusal_while_rendering_names_the_line_and_what_is_missing() {
        assertThatThrownBy(
                        () -> template("a\n\n{{ messages[0].content.text.x }}").render(List.of(), Map.of()))
                .isInstanceOf(ChatTemplateException.class)
                .hasMessageContaining("line 3")
                .hasMessageContaining("list object has no element 0");
    }

    @Test
    void any_values_of_json_can_be_given() {
        List<Object> parts = new ArrayList<>(List.of(Map.of("type", "text", "text", "hi"), 1, 2.5, true));
        parts.add(null);
        RenderedChat chat = template("{{ messages[0].content[0].text }} {{ messages[0].content[1:] }}")
                .render(List.of(Map.of("role", "user", "content", parts)), Map.of());
        assertThat(chat.text()).isEqualTo("hi [1, 2.5, True, None]");
    }

    @Test
    void random_text_and_random_changes_give_a_result_or_a_refusal() {
        List<String> pieces = List.of(
                "{{ ",
                " }}",
                "{% ",
                " %}",
                "{%- ",
                " -%}",
                "{#",
                "#}",
                "if ",
                "for ",
                "in ",
                "x",
                "messages",
                " | ",
                "trim",
                "join(",
                ")",
                "(",
                "[",
                "]",
                "{",
                "}",
                ":",
                ",",
                ".",
                "'a'",
                "\"b\"",
                "1",
                "0",
                "-",
                "+",
                "*",
                "/",
                "//",
                "%",
                "**",
                "~",
                "==",
                "<",
                "is ",
                "not ",
                "defined",
                "none",
                "endif",
                "endfor",
                "else",
                "elif ",
                "set ",
                "= ",
                "macro ",
                "endmacro",
                "call ",
                "content",
                "role",
                "range(",
                "namespace(",
                "loop.index",
                "\n",
                " ",
                "and ",
                "or ",
                "tojson",
                "split(",
                "map(",
                "select(",
                "'upper'",
                "replace(",
                "[::-1]",
                "[1:",
                "\\",
                "'",
                "é",
                "😀",
                "{%+ ",
                "raw",
                "endraw",
                "break",
                "continue",
                "filter ",
                "endfilter",
                "with ",
                "endwith",
                "format(",
                "int",
                "round",
                "sort",
                "%s");
        for (long seed = 0; seed < 20_000; seed++) {
            Random random = new Random(seed);
            StringBuilder source = new StringBuilder();
            for (int i = random.nextInt(25); i >= 0; i--) {
                source.append(pieces.get(random.nextInt(pieces.size())));
            }
            renderOrRefuse(source.toString(), seed);
        }
    }

    @Test
    void changed_real_templates_give_a_result_or_a_refusal() {
        List<String> sources = new ArrayList<>();
        TestModels.json(TestModels.resource("jinja/fixtures.json"))
                .path("templates")
                .forEach(template -> sources.add(template.path("template").asText()));
        for (long seed = 0; seed < 1_500; seed++) {
            Random random = new Random(seed);
            StringBuilder source = new StringBuilder(sources.get(random.nextInt(sources.size())));
            for (int i = random.nextInt(4); i >= 0; i--) {
                int at = random.nextInt(source.length());
                int end = Math.min(source.length(), at + random.nextInt(6));
                switch (random.nextInt(3)) {
                    case 0 -> source.delete(at, end);
                    case 1 -> source.insert(at, source.substring(random.nextInt(at + 1), at));
                    default -> source.setCharAt(at, "{}%|()[]'.~-1x \n".charAt(random.nextInt(16)));
                }
            }
            renderOrRefuse(source.toString(), seed);
        }
    }

    private static void renderOrRefuse(String source, long seed) {
        try {
            RenderedChat chat = template(source)
                    .render(
                            List.of(
                                    Map.of("role", "system", "content", "s"),
                                    Map.of("role", "user", "content", USER),
                                    Map.of("role", "assistant", "content", "a")),
                            Map.of("x", List.of(1, "b", Map.of("k", 2))));
            assertThat(chat.fromTemplate().length())
                    .isLessThanOrEqualTo(chat.text().length());
        } catch (ChatTemplateException | JinjaException e) {
            assertThat(e.getMessage()).isNotNull();
        } catch (RuntimeException | StackOverflowError e) {
            throw new AssertionError("seed " + seed + ": " + source, e);
        }
    }

    private static ChatTemplate template(String source) {
        return new JinjaTemplate(source, Map.of("bos_token", "<s>"), Clock.systemUTC());
    }
}

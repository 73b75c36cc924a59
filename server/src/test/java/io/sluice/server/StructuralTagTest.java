package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Free text around tags whose content has a form.
class StructuralTagTest {
    private static final String TAGS =
            "\"structures\":[{\"begin\":\"<f=a>\",\"schema\":{\"type\":\"object\",\"properties\":"
                    + "{\"n\":{\"type\":\"integer\",\"maximum\":9,\"minimum\":1}},\"required\":[\"n\"]},\"end\":\"</f>\"},"
                    + "{\"begin\":\"<f=b>\",\"schema\":{\"enum\":[\"x\"]},\"end\":\"</f>\"},"
                    + "{\"begin\":\"@t\",\"schema\":{\"const\":true},\"end\":\".\"}],\"triggers\":[\"<f=\",\"@\"]";

    @AutoClose
    private final TestServer server = TestServer.start();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"response_format\":{\"type\":\"structural_tag\",%s}",
                "\"structured_outputs\":{\"structural_tag\":{%s}}",
                "\"structured_outputs\":{\"structural_tag\":\"{%s}\"}"
            })
    void text_is_free_and_tags_are_bound(String field) throws Exception {
        String tags = field.contains("\"{") ? TAGS.replace("\"", "\\\"") : TAGS;
        String whole = field.formatted(tags);
        assertThat(content("No tag.", whole)).isEqualTo("No tag.");
        assertThat(content("See <f=a>{\\\"n\\\": 7}</f> and <f=b>\\\"x\\\"</f>, @ttrue.", whole))
                .isEqualTo("See <f=a>{\"n\": 7}</f> and <f=b>\"x\"</f>, @ttrue.");
        assertThat(content("See <f=a>{\\\"n\\\": 77}, <f=c>", whole)).startsWith("See <f=a>{\"n\": 7}</f>");
        assertThat(content("At @all", whole)).startsWith("At @ttrue.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"triggers\":[\"<\"] | response_format.structures",
                "\"structures\":[{\"begin\":\"<a>\"}] | response_format.triggers",
                "\"structures\":[{\"begin\":\"<a>\"}],\"triggers\":[\"\"] | response_format.triggers",
                "\"structures\":[{\"begin\":\"<a>\"}],\"triggers\":[\"[\"] | response_format.structures",
                "\"structures\":[{}],\"triggers\":[\"[\"] | response_format.structures[0].begin",
                "\"format\":{\"type\":\"sequence\"},\"triggers\":[\"[\"] | response_format.structures",
                "\"structures\":[{\"begin\":\"<a>\",\"schema\":{\"not\":{}}}],\"triggers\":[\"<\"] | response_format.structures[0].schema",
            })
    void nonsense_is_named(String fields, String parameter) throws Exception {
        var response = server.chat(asking("x") + ",\"response_format\":{\"type\":\"structural_tag\"," + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
    }

    @Test
    void sglangs_names_for_expressions_and_grammars_are_known() throws Exception {
        assertThat(content("abcdef", "\"regex\":\"[a-c]{3}\"")).isEqualTo("abc");
        assertThat(content("abcdef", "\"ebnf\":\"root ::= [a-c] rest\\nrest ::= \\\"bc\\\"\""))
                .isEqualTo("abc");
    }

    private String content(String wanted, String field) throws Exception {
        var response = server.chat(asking(wanted) + "," + field);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return Objects.requireNonNull((String) at(json(response.body()), "choices.0.message.content"));
    }
}

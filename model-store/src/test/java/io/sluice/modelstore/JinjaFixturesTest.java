package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Every template and snippet against what Jinja itself made of it, byte for byte; `src/test/jinja/make-fixtures.py`
/// made the table.
class JinjaFixturesTest {
    private static final JsonNode FIXTURES = TestModels.json(TestModels.resource("jinja/fixtures.json"));
    private static final Clock CLOCK =
            Clock.fixed(LocalDateTime.parse(FIXTURES.path("now").asText()).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);
    private static final Map<String, String> TOKENS =
            TestModels.JSON.convertValue(FIXTURES.path("tokens"), new TypeReference<Map<String, String>>() {});

    @TestFactory
    Stream<DynamicNode> chat_templates_render_as_jinja_renders_them() {
        return stream(FIXTURES.path("templates"))
                .map(template ->
                        DynamicContainer.dynamicContainer(template.path("name").asText(), conversations(template)));
    }

    private static Stream<DynamicTest> conversations(JsonNode template) {
        JsonNode chats = FIXTURES.path("chats");
        return Stream.iterate(0, i -> i + 1)
                .limit(chats.size())
                .map(i -> DynamicTest.dynamicTest(
                        chats.path(i).path("name").asText(),
                        () -> check(
                                template.path("template").asText(),
                                messages(chats.path(i).path("messages")),
                                values(chats.path(i).path("variables")),
                                template.path("results").path(i))));
    }

    @TestFactory
    Stream<DynamicTest> expressions_and_statements_do_what_jinja_does() {
        List<Map<String, Object>> messages = messages(FIXTURES.path("snippet_messages"));
        return stream(FIXTURES.path("snippets"))
                .map(snippet -> DynamicTest.dynamicTest(
                        snippet.path("template").asText(),
                        () -> check(
                                snippet.path("template").asText(),
                                messages,
                                values(FIXTURES.path("variables")),
                                snippet)));
    }

    private static void check(
            String text, List<Map<String, Object>> messages, Map<String, Object> variables, JsonNode expected) {
        if (expected.has("text")) {
            RenderedChat chat = new JinjaTemplate(text, TOKENS, CLOCK).render(messages, variables);
            assertThat(chat.text()).isEqualTo(expected.path("text").asText());
            assertThat(chat.fromTemplate().length())
                    .isLessThanOrEqualTo(chat.text().length());
        } else if (expected.has("raised")) {
            assertThatThrownBy(() -> new JinjaTemplate(text, TOKENS, CLOCK).render(messages, variables))
                    .isInstanceOf(ChatTemplate.ChatTemplateException.class)
                    .hasMessage(expected.path("raised").asText());
        } else if (expected.has("refused")) {
            assertThatThrownBy(() -> new JinjaTemplate(text, TOKENS, CLOCK).render(messages, variables))
                    .isInstanceOfAny(ChatTemplate.ChatTemplateException.class, JinjaException.class);
        } else {
            assertThat(expected.has("unparsable")).isTrue();
            assertThatThrownBy(() -> new JinjaTemplate(text, TOKENS, CLOCK)).isInstanceOf(JinjaException.class);
        }
    }

    private static Stream<JsonNode> stream(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }

    private static List<Map<String, Object>> messages(JsonNode node) {
        return TestModels.JSON.convertValue(node, new TypeReference<List<Map<String, Object>>>() {});
    }

    private static Map<String, Object> values(JsonNode node) {
        return TestModels.JSON.convertValue(node, new TypeReference<Map<String, Object>>() {});
    }
}

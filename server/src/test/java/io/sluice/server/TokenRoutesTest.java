package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a text comes to, without generating anything.
class TokenRoutesTest {
    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void a_prompt_is_tokenised_as_it_would_be_served() throws Exception {
        assertThat(post("/tokenize", "{\"prompt\":\"Hé\"}").toString())
                .isEqualTo("{count=3, max_model_len=8192, tokens=[72, 195, 169]}");
    }

    @Test
    void tokens_are_spelled_on_request() throws Exception {
        Map<String, Object> answer = post("/tokenize", "{\"prompt\":\"ab\",\"return_token_strs\":true}");
        assertThat(answer.get("token_strs")).hasToString("[a, b]");
    }

    @Test
    void a_conversation_is_tokenised_through_the_template() throws Exception {
        Map<String, Object> answer = post("/tokenize", "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
        assertThat(answer.get("count")).isEqualTo((long) "[user]x".length());
    }

    @Test
    void tokens_become_text_again() throws Exception {
        assertThat(post("/detokenize", "{\"tokens\":[72,195,169,257]}")).containsEntry("prompt", "Hé");
    }

    @Test
    void a_chat_request_is_rendered_and_not_answered() throws Exception {
        Map<String, Object> answer = post(
                "/v1/chat/completions/render",
                chatBody(
                        "\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]"));
        assertThat(answer)
                .containsEntry("prompt", "[system]a[user]b")
                .containsEntry("count", 16L)
                .containsEntry("model", TestServer.MODEL);
        assertThat(TestServer.list(answer, "token_ids")).hasSize(16);
        assertThat(server.gate.stepsDone()).isZero();
    }

    @Test
    void rendering_counts_as_many_tokens_as_answering_takes() throws Exception {
        Map<String, Object> rendered = post("/v1/chat/completions/render", chatBody(asking("hello")));
        Map<String, Object> answered = json(server.chat(asking("hello")).body());
        assertThat(rendered.get("count")).isEqualTo(at(answered, "usage.prompt_tokens"));
    }

    @Test
    void the_last_message_can_be_continued() throws Exception {
        String messages =
                "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"Once \"}]";
        Map<String, Object> open =
                post("/v1/chat/completions/render", chatBody(messages + ",\"continue_final_message\":true"));
        assertThat(open).containsEntry("prompt", "[user]a[assistant]Once ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "/tokenize | {} | prompt",
                "/tokenize | {\"prompt\":7} | prompt",
                "/tokenize | {\"prompt\":\"a\",\"messages\":[]} | prompt",
                "/tokenize | {\"messages\":[]} | messages",
                "/detokenize | {} | tokens",
                "/detokenize | {\"tokens\":[\"a\"]} | tokens",
                "/detokenize | {\"tokens\":[99999]} | tokens",
                "/v1/chat/completions/render | {} | messages"
            })
    void nonsense_names_its_parameter(String path, String body, String parameter) throws Exception {
        var response = server.post(path, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
    }

    @Test
    void an_unknown_model_is_not_found() throws Exception {
        assertThat(server.post("/tokenize", "{\"model\":\"gpt\",\"prompt\":\"x\"}")
                        .statusCode())
                .isEqualTo(404);
    }

    private Map<String, Object> post(String path, String body) throws Exception {
        var response = server.post(path, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response.body());
    }
}

package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What cannot be served is a 400 that names the parameter; what asks for nothing is ignored.
class RequestValidationTest {
    @AutoClose
    private final TestServer server = TestServer.start();

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"temperature\":9 | temperature",
                "\"temperature\":-0.1 | temperature",
                "\"temperature\":\"hot\" | temperature",
                "\"top_p\":0 | top_p",
                "\"top_p\":1.5 | top_p",
                "\"top_k\":-2 | top_k",
                "\"top_k\":1.5 | top_k",
                "\"min_p\":2 | min_p",
                "\"seed\":\"x\" | seed",
                "\"frequency_penalty\":3 | frequency_penalty",
                "\"presence_penalty\":-3 | presence_penalty",
                "\"repetition_penalty\":0 | repetition_penalty",
                "\"min_tokens\":-1 | min_tokens",
                "\"max_tokens\":0 | max_tokens",
                "\"max_tokens\":-5 | max_tokens",
                "\"max_completion_tokens\":0 | max_completion_tokens",
                "\"max_tokens\":10000000 | max_tokens",
                "\"max_completion_tokens\":10000000 | max_completion_tokens",
                "\"n\":0 | n",
                "\"n\":1000 | n",
                "\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"] | stop",
                "\"stop\":\"\" | stop",
                "\"stop\":[7] | stop",
                "\"stop\":[null] | stop",
                "\"stop_token_ids\":[99999] | stop_token_ids",
                "\"stop_token_ids\":[\"x\"] | stop_token_ids",
                "\"logit_bias\":{\"7\":101} | logit_bias",
                "\"logit_bias\":{\"x\":1} | logit_bias",
                "\"logit_bias\":{\"99999\":1} | logit_bias",
                "\"logit_bias\":[] | logit_bias",
                "\"logprobs\":3 | logprobs",
                "\"top_logprobs\":3 | top_logprobs",
                "\"logprobs\":true,\"top_logprobs\":21 | top_logprobs",
                "\"stream\":\"yes\" | stream",
                "\"stream_options\":{\"include_usage\":true} | stream_options",
                "\"stream\":true,\"stream_options\":{\"include_usage\":1} | stream_options.include_usage",
                "\"ignore_eos\":1 | ignore_eos",
                "\"tool_choice\":\"required\" | tool_choice",
                "\"response_format\":{\"type\":\"xml\"} | response_format.type",
                "\"response_format\":{\"type\":\"json_schema\"} | response_format.json_schema",
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"not\":{}}}}"
                        + " | response_format.json_schema.schema",
                "\"response_format\":{\"type\":\"json_object\"},\"guided_regex\":\"a\" | guided_regex",
                "\"guided_json\":{\"type\":\"string\",\"maxLength\":9000000} | guided_json",
                "\"guided_regex\":\"(a\" | guided_regex",
                "\"guided_regex\":\"\" | guided_regex",
                "\"guided_choice\":[] | guided_choice",
                "\"guided_choice\":[1] | guided_choice",
                "\"guided_whitespace_pattern\":\" \" | guided_whitespace_pattern",
                "\"structured_outputs\":{\"structural_tag\":\"x\"} | structured_outputs.structural_tag",
                "\"structured_outputs\":{\"grammar\":\"x ::= y\"} | structured_outputs.grammar",
                "\"grammar\":\"root ::= other\" | grammar",
                "\"json_schema\":{\"type\":\"strin\"} | json_schema",
                "\"audio\":{\"voice\":\"x\"} | audio",
                "\"modalities\":[\"audio\"] | modalities",
                "\"functions\":[{}] | functions",
                "\"echo\":true | echo",
                "\"best_of\":2 | best_of",
                "\"thinking_token_budget\":9 | thinking_token_budget",
                "\"lora_path\":\"a\" | lora_path",
                "\"mirostat\":2 | mirostat",
                "\"repeat_penalty\":1.1 | repeat_penalty",
                "\"stop_regex\":\"a\" | stop_regex",
                "\"prompt_logprobs\":21 | prompt_logprobs",
                "\"chat_template\":\"x\" | chat_template",
                "\"continue_final_message\":true,\"add_generation_prompt\":true | continue_final_message",
                "\"store\":true | store",
                "\"priority\":3 | priority",
                "\"cache_salt\":\"\" | cache_salt",
                "\"user\":7 | user",
                "\"metadata\":{\"a\":1} | metadata.a",
                "\"service_tier\":\"turbo\" | service_tier",
                "\"model\":7 | model"
            })
    void an_impossible_value_names_its_parameter(String fields, String parameter) throws Exception {
        String model = fields.contains("\"model\"") ? "" : "\"model\":\"test-model\",";
        var response = server.post("/v1/chat/completions", "{" + model + asking("x") + "," + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
        assertThat((String) at(json(response.body()), "error.message")).contains(parameter.replaceAll("max_.*", ""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | messages",
                "{\"messages\":[]} | messages",
                "{\"messages\":\"hi\"} | messages",
                "{\"messages\":[7]} | messages[0]",
                "{\"messages\":[{\"content\":\"x\"}]} | messages[0].role",
                "{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]} | messages[0].role",
                "{\"messages\":[{\"role\":\"user\"}]} | messages[0].content",
                "{\"messages\":[{\"role\":\"user\",\"content\":7}]} | messages[0].content",
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]} | messages[0].content[0].text",
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}]}"
                        + " | messages[0].content[0].type",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"chat_template_kwargs\":{\"refuse\":true}} | messages"
            })
    void an_impossible_conversation_names_its_place(String body, String parameter) throws Exception {
        var response = server.post("/v1/chat/completions", body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"prompt\":[]}",
                "{\"prompt\":\"\"}",
                "{\"prompt\":7}",
                "{\"prompt\":[[]]}",
                "{\"prompt\":[\"a\",7]}",
                "{\"prompt\":[99999]}",
                "{\"prompt\":[-1]}",
                "{\"prompt\":[1.5]}",
                "{\"prompt\":[1,\"a\"]}",
                "{\"prompt\":[null]}",
                "{\"prompt\":null}"
            })
    void an_impossible_prompt_is_named(String body) throws Exception {
        var response = server.post("/v1/completions", body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo("prompt");
    }

    @Test
    void an_unsupported_completion_field_is_named() throws Exception {
        var response = server.post("/v1/completions", "{\"prompt\":\"x\",\"suffix\":\"y\"}");
        assertThat(at(json(response.body()), "error.param")).isEqualTo("suffix");
        response = server.post("/v1/completions", "{\"prompt\":\"x\",\"logprobs\":21}");
        assertThat(at(json(response.body()), "error.param")).isEqualTo("logprobs");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"user\":\"me\",\"store\":false,\"metadata\":{\"a\":\"b\"},\"a_field_of_next_year\":[1]",
                "\"tools\":[],\"tool_choice\":\"none\",\"functions\":null,\"response_format\":{\"type\":\"text\"}",
                "\"temperature\":null,\"max_tokens\":null,\"stop\":null,\"n\":null,\"stream\":null,\"logprobs\":null",
                "\"modalities\":[\"text\"],\"parallel_tool_calls\":true,\"service_tier\":\"auto\",\"echo\":false",
                "\"n\":1.0,\"max_tokens\":16.0,\"top_k\":-1,\"best_of\":1,\"skip_special_tokens\":true"
            })
    void what_asks_for_nothing_is_ignored(String fields) throws Exception {
        var response = server.chat(asking("x") + "," + fields);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    }

    @Test
    void a_prompt_that_leaves_no_room_is_named_with_the_numbers() throws Exception {
        String body = "{\"prompt\":\"" + "x".repeat(TestServer.CONTEXT_MAX) + "\"}";
        var response = server.post("/v1/completions", body);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.code")).isEqualTo("context_length_exceeded");
        assertThat(at(json(response.body()), "error.param")).isEqualTo("prompt");
        assertThat((String) at(json(response.body()), "error.message")).contains("8192");
        assertThat(response.headers().firstValue("x-should-retry")).contains("false");
    }

    @Test
    void a_limit_beyond_the_context_is_refused_with_the_numbers() throws Exception {
        var response = server.chat(asking("x") + ",\"max_tokens\":8192");
        assertThat((String) at(json(response.body()), "error.message"))
                .contains("8192")
                .contains("8204")
                .contains("12 in the prompt");
        assertThat(at(json(response.body()), "error.code")).isEqualTo("context_length_exceeded");
    }
}

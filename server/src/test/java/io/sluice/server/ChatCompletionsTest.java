package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.text;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

class ChatCompletionsTest {
    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void a_whole_answer_has_every_field_that_clients_read() throws Exception {
        var response = server.chat(asking("Hello!"));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type").orElseThrow()).isEqualTo("application/json");
        Map<String, Object> answer = json(response.body());
        assertThat((String) at(answer, "id")).startsWith("chatcmpl-");
        assertThat(at(answer, "object")).isEqualTo("chat.completion");
        assertThat(at(answer, "model")).isEqualTo(TestServer.MODEL);
        assertThat((Long) at(answer, "created")).isPositive();
        assertThat(at(answer, "choices.0.index")).isEqualTo(0L);
        assertThat(at(answer, "choices.0.message.role")).isEqualTo("assistant");
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("Hello!");
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("stop");
        assertThat(response.body()).contains("\"logprobs\":null");
        // "[user]Say →Hello!" is 17 tokens; the end token counts as output.
        assertThat(at(answer, "usage.prompt_tokens")).isEqualTo(17L);
        assertThat(at(answer, "usage.completion_tokens")).isEqualTo(7L);
        assertThat(at(answer, "usage.total_tokens")).isEqualTo(24L);
        assertThat(at(answer, "usage.prompt_tokens_details.cached_tokens")).isEqualTo(0L);
    }

    @Test
    void a_stream_is_framed_as_every_client_expects() throws Exception {
        var response = server.chat(asking("Hi") + ",\"stream\":true");
        assertThat(response.headers().firstValue("content-type").orElseThrow())
                .isEqualTo("text/event-stream; charset=utf-8");
        assertThat(response.headers().firstValue("cache-control").orElseThrow()).isEqualTo("no-cache");
        assertThat(response.body()).doesNotContain("\r").endsWith("data: [DONE]\n\n");
        for (String event : response.body().strip().split("\n\n", -1)) {
            assertThat(event).startsWith("data: ").doesNotContain("\n").doesNotContain("\"error\"");
        }
        List<Map<String, Object>> chunks = chunks(response.body());
        assertThat(chunks)
                .extracting(chunk -> chunk.get("id"))
                .containsOnly(chunks.getFirst().get("id"));
        assertThat(chunks).extracting(chunk -> chunk.get("object")).containsOnly("chat.completion.chunk");
        assertThat(chunks).extracting(chunk -> chunk.get("model")).containsOnly(TestServer.MODEL);
        assertThat(at(chunks.getFirst(), "choices.0.delta")).isEqualTo(Map.of("role", "assistant", "content", ""));
        assertThat(chunks.stream().filter(chunk -> chunk.toString().contains("role=")))
                .hasSize(1);
        assertThat(at(chunks.getLast(), "choices.0.delta")).isEqualTo(Map.of());
        assertThat(at(chunks.getLast(), "choices.0.finish_reason")).isEqualTo("stop");
        assertThat(response.body()).doesNotContain("usage");
        assertThat(text(chunks, 0)).isEqualTo("Hi");
    }

    @Test
    void the_usage_comes_in_a_chunk_of_its_own_before_done() throws Exception {
        var response = server.chat(asking("Hi") + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
        List<Map<String, Object>> chunks = chunks(response.body());
        assertThat(chunks.getLast().get("choices")).isEqualTo(List.of());
        assertThat(at(chunks.getLast(), "usage.completion_tokens")).isEqualTo(3L);
        assertThat(chunks.subList(0, chunks.size() - 1)).noneMatch(chunk -> chunk.containsKey("usage"));
    }

    @Test
    void a_character_of_several_tokens_comes_whole() throws Exception {
        var response = server.chat(asking("é🎉ß") + ",\"stream\":true");
        assertThat(response.body()).doesNotContain("\uFFFD");
        assertThat(text(chunks(response.body()), 0)).isEqualTo("é🎉ß");
    }

    @Test
    void half_a_character_at_the_end_becomes_a_replacement() throws Exception {
        var answer = json(server.chat(asking("a🎉") + ",\"max_tokens\":3").body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("a\uFFFD");
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("length");
    }
}

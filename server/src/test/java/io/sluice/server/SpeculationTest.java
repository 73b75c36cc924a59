package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Guessed tokens change no answer, and can be seen in metrics and records. The demo model on the real runner, in
/// float32; as a draft model it guesses for itself.
@Timeout(600)
class SpeculationTest {
    private static final String REPEATING =
            "\"prompt\":\"one two three four one two three four one two three four one two\"";
    private static final List<String> BODIES = List.of(
            "{" + REPEATING + ",\"max_tokens\":60,\"temperature\":0,\"ignore_eos\":true,\"logprobs\":2}",
            "{" + REPEATING + ",\"max_tokens\":60,\"temperature\":0.8,\"seed\":7,\"logprobs\":1,\"n\":2}",
            "{" + REPEATING + ",\"max_tokens\":60,\"temperature\":0.8,\"seed\":8,\"frequency_penalty\":0.4,"
                    + "\"presence_penalty\":0.2,\"repetition_penalty\":1.1,\"min_tokens\":40}",
            "{" + REPEATING + ",\"max_tokens\":60,\"temperature\":0.5,\"seed\":9,\"stop\":[\"three\",\"zzz\"]}",
            "{" + REPEATING + ",\"max_tokens\":90,\"temperature\":0.9,\"seed\":3,\"structured_outputs\":{\"regex\":"
                    + "\"(one|two|three)( one| two| three){4,12}\"}}",
            "{" + REPEATING + ",\"max_tokens\":90,\"temperature\":0.9,\"seed\":4,\"structured_outputs\":{\"json\":"
                    + "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":3,\"maxItems\":9}}}");

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void answers_are_the_same_with_guesses_and_without() throws Exception {
        List<Object> plain = answers();
        assertThat(answers("speculation", "ngram", "speculation-tokens", "5")).isEqualTo(plain);
        assertThat(answers("speculation", "draft", "speculation-draft-model", "sluice-demo"))
                .isEqualTo(plain);
    }

    @Test
    void metrics_and_records_tell_what_was_guessed_and_what_was_right() throws Exception {
        try (RealServer server = start("speculation", "draft", "speculation-draft-model", "sluice-demo")) {
            HttpResponse<String> answer =
                    server.ask("", BODIES.getFirst(), "x-request-id", "guessed").get();
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            double guessed = server.metric("", "vllm:spec_decode_num_draft_tokens_total");
            double right = server.metric("", "vllm:spec_decode_num_accepted_tokens_total");
            assertThat(guessed).isPositive().isEqualTo(server.metric("", "sluice_speculation_tokens_total"));
            assertThat(right).isPositive().isLessThanOrEqualTo(guessed);
            assertThat(server.metric("", "vllm:spec_decode_num_accepted_tokens_per_pos_total"))
                    .isEqualTo(right);
            assertThat(server.metric("", "vllm:spec_decode_num_drafts_total")).isPositive();
            assertThat(server.metric("", "sluice_speculation_acceptance_ratio")).isBetween(0.01, 1.0);
            assertThat(server.metric("", "sluice_speculation_held_total")).isNotNegative();

            Map<String, Object> record = server.admin("", "/admin/requests/guessed");
            assertThat((double) TestServer.count(record, "prompts.0.proposed_tokens"))
                    .isEqualTo(guessed);
            assertThat((double) TestServer.count(record, "prompts.0.accepted_tokens"))
                    .isEqualTo(right);
            // What was guessed is on nobody's bill.
            assertThat(TestServer.count(record, "usage.completion_tokens")).isEqualTo(60);
            assertThat(server.metric("", "sluice_sampled_tokens_total")).isEqualTo(60);
            assertThat(server.metric("", "sluice_kv_blocks_leaked")).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "speculation=draft | --speculation is draft, but there is no draft model: name one with --speculation-draft-model",
                "speculation=ngram speculation-draft-model=x | --speculation-draft-model is of no use without --speculation draft:"
                        + " add that, or leave it out",
                "speculation=ngram device=cuda:0 | --speculation is ngram, but the kernels for GPUs do not take guessed tokens yet:"
                        + " leave it out, or set device to cpu",
                "speculation=medusa | --speculation must be",
                "speculation=ngram speculation-tokens=17 | --speculation-tokens must be a whole number from 1 to 16",
                "speculation=ngram speculation-tokens=0 | --speculation-tokens must be a whole number from 1 to 16"
            })
    void what_cannot_be_is_refused_with_the_reason(String flags, String message) {
        Map<String, String> given = new HashMap<>();
        for (String flag : flags.split(" ", -1)) given.put(flag.split("=", -1)[0], flag.split("=", -1)[1]);
        assertThatThrownBy(() -> ServerSettings.of(given, Optional.empty(), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessageStartingWith(message);
    }

    private List<Object> answers(String... flags) throws Exception {
        try (RealServer server = start(flags)) {
            List<Object> answers = new ArrayList<>();
            for (String body : BODIES) {
                HttpResponse<String> response = server.ask("", body).get();
                assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
                Map<String, Object> answer = TestServer.json(response.body());
                answers.add(TestServer.at(answer, "choices"));
            }
            boolean guesses = flags.length > 0;
            double guessed = server.metric("", "sluice_speculation_tokens_total");
            if (guesses) assertThat(guessed).isPositive();
            else assertThat(guessed).isZero();
            return answers;
        }
    }

    private RealServer start(String... flags) {
        return RealServer.start(folder, flags);
    }
}

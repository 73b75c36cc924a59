package io.sluice.server;

import static io.sluice.server.KeyedClient.header;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static io.sluice.server.quota.QuotaLimits.UNLIMITED;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.quota.QuotaLimits;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Quotas as clients meet them, on a clock that moves only when a test says so.
class QuotaHttpTest {
    /// `Say →abc` are eight tokens; the answer is three, and an end token.
    private static final int PROMPT = 8;

    private static final int ANSWER = 4;
    private static final int USED = PROMPT + ANSWER;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
    }

    @Test
    void what_is_answered_without_the_engine_counts_as_a_request_and_for_no_tokens() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {requests-per-minute: 2, tokens-per-minute: 100}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            HttpResponse<String> first = client.post("/tokenize", "{\"prompt\":\"" + "x".repeat(500) + "\"}");
            assertThat(first.statusCode()).as(first.body()).isEqualTo(200);
            assertThat(header(first, "x-ratelimit-remaining-requests")).isEqualTo(1);
            assertThat(header(first, "x-ratelimit-remaining-tokens")).isEqualTo(100);
            assertThat(client.post("/v1/messages/count_tokens", "{" + TestServer.asking("x") + "}")
                            .statusCode())
                    .isEqualTo(200);
            int encodings = server.tokenizer.encodings();
            HttpResponse<String> refused = client.post("/detokenize", "{\"tokens\":[65]}");
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(server.tokenizer.encodings()).isEqualTo(encodings);
        }
    }

    @Test
    void embeddings_take_the_tokens_of_their_texts() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {tokens-per-minute: 100}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            assertThat(client.post("/v1/embeddings", "{\"input\":\"" + "x".repeat(200) + "\"}")
                            .statusCode())
                    .as("can never fit")
                    .isEqualTo(400);
            HttpResponse<String> first =
                    client.post("/v1/embeddings", "{\"input\":[\"" + "x".repeat(40) + "\",\"abc\"]}");
            assertThat(first.statusCode()).as(first.body()).isEqualTo(200);
            // Given back when the answer is closed, which is before its client has it.
            assertThat(header(client.post("/v1/embeddings", "{\"input\":\"ab\"}"), "x-ratelimit-limit-tokens"))
                    .isEqualTo(100);
            HttpResponse<String> refused = client.post("/v1/embeddings", "{\"input\":\"" + "x".repeat(60) + "\"}");
            assertThat(refused.statusCode()).as(refused.body()).isEqualTo(429);
            assertThat(client.post("/v1/embeddings", "{\"input\":\"" + "x".repeat(54) + "\"}")
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void requests_beyond_the_limit_are_429_with_the_time_until_the_next_is_free() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {requests-per-minute: 2}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            HttpResponse<String> first = client.complete(prompting("abc"));
            assertThat(first.statusCode()).isEqualTo(200);
            assertThat(header(first, "x-ratelimit-limit-requests")).isEqualTo(2);
            assertThat(header(first, "x-ratelimit-remaining-requests")).isEqualTo(1);
            assertThat(first.headers().firstValue("x-ratelimit-reset-requests")).contains("30s");
            assertThat(first.headers().firstValue("x-ratelimit-limit-tokens")).isEmpty();
            assertThat(client.complete(prompting("abc") + ",\"stream\":true")
                            .headers()
                            .firstValue("x-ratelimit-reset-requests"))
                    .contains("1m0s");

            server.quotaClock.addAndGet(Duration.ofMillis(12_345).toNanos());
            int encodings = server.tokenizer.encodings();
            HttpResponse<String> refused = client.complete(prompting("abc"));
            refused(refused, 429, "requests_per_minute");
            assertThat(refused.body()).contains("2 requests per minute of tenant \\\"acme\\\"", "2 are used");
            assertThat(header(refused, "retry-after-ms")).isEqualTo(17_655);
            assertThat(header(refused, "retry-after")).isEqualTo(18);
            assertThat(header(refused, "x-ratelimit-remaining-requests")).isZero();
            assertThat(refused.headers().firstValue("x-ratelimit-reset-requests"))
                    .contains("47.655s");
            assertThat(server.tokenizer.encodings()).as("nothing was tokenised").isEqualTo(encodings);

            server.quotaClock.addAndGet(Duration.ofMillis(17_655).toNanos());
            assertThat(client.complete(prompting("abc")).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void every_answer_says_where_the_caller_stands_whatever_its_status() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {requests-per-minute: 50}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            assertThat(client.complete(prompting("abc")).statusCode()).isEqualTo(200);
            for (String wrong : new String[] {"no json", "\"max_tokens\":0," + prompting("x"), "\"model\":\"nope\""}) {
                HttpResponse<String> response = client.complete(wrong);
                assertThat(response.statusCode()).isBetween(400, 404);
                assertThat(header(response, "x-ratelimit-limit-requests")).isEqualTo(50);
                assertThat(header(response, "x-ratelimit-remaining-requests")).isEqualTo(49);
            }
            assertThat(client.complete(prompting("x"), "x-sluice-class", "guaranteed")
                            .headers()
                            .firstValue("x-ratelimit-remaining-requests"))
                    .contains("49");
        }
    }

    @Test
    void the_wait_is_never_cut_short() throws Exception {
        String key = tenants.key("acme", new QuotaLimits(UNLIMITED, 12, UNLIMITED));
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            assertThat(client.complete("\"prompt\":[65],\"max_tokens\":11,\"ignore_eos\":true")
                            .statusCode())
                    .isEqualTo(200);
            HttpResponse<String> refused = client.complete("\"prompt\":[65],\"max_tokens\":11,\"ignore_eos\":true");
            refused(refused, 429, "tokens_per_minute");
            assertThat(refused.body()).contains("12 tokens per minute of key \\\"" + Tenants.idOf(key) + "\\\"");
            assertThat(header(refused, "retry-after")).isEqualTo(60);
        }
    }

    @Test
    void tokens_are_reserved_at_the_start_and_what_was_not_used_comes_back() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {tokens-per-minute: 5000}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            server.gate.close();
            var running = client.completeAsync(prompting("abc") + ",\"max_tokens\":1000,\"n\":2");
            TestServer.await(
                    "it to be admitted",
                    () -> server.tenancy.intake().log().live().stream()
                            .anyMatch(record -> !record.parts().isEmpty()));
            int encodings = server.tokenizer.encodings();
            HttpResponse<String> never = client.complete(prompting("abc") + ",\"max_tokens\":5001");
            refused(never, 400, "tokens_per_minute");
            assertThat(never.headers().firstValue("x-should-retry")).contains("false");
            assertThat(never.headers().firstValue("retry-after")).isEmpty();
            assertThat(header(never, "x-ratelimit-remaining-tokens")).isEqualTo(5000 - PROMPT - 2000);
            HttpResponse<String> later = client.complete(prompting("abc") + ",\"max_tokens\":2992");
            refused(later, 429, "tokens_per_minute");
            assertThat(server.tokenizer.encodings()).as("nothing was tokenised").isEqualTo(encodings);
            HttpResponse<String> exactly = client.complete(prompting("abc") + ",\"max_tokens\":2985");
            refused(exactly, 429, "tokens_per_minute");
            assertThat(exactly.body())
                    .as("one more than there are")
                    .contains("up to 2993")
                    .contains("2008 are used");
            assertThat(header(exactly, "retry-after-ms")).isEqualTo(12);

            server.gate.open();
            HttpResponse<String> done = running.get();
            assertThat(done.statusCode()).as(done.body()).isEqualTo(200);
            assertThat(at(json(done.body()), "usage.total_tokens")).isEqualTo((long) PROMPT + 2 * ANSWER);
            HttpResponse<String> after = client.complete(prompting("abc") + ",\"max_tokens\":100");
            assertThat(header(after, "x-ratelimit-remaining-tokens")).isEqualTo(5000 - (PROMPT + 2 * ANSWER) - USED);
        }
    }

    @Test
    void the_sums_are_exact_after_many_requests_at_once_whatever_became_of_them() throws Exception {
        String acme = tenants.key("acme", new QuotaLimits(1000, 90_000, UNLIMITED));
        String other = tenants.key("acme");
        tenants.policy("{tenants: {acme: {tokens-per-minute: 100000, requests-per-minute: 2000}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient limited = new KeyedClient(server, acme);
            KeyedClient unlimited = new KeyedClient(server, other);
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                answers.add(limited.completeAsync(prompting("abc") + ",\"max_tokens\":" + (10 + i)));
                answers.add(unlimited.completeAsync(prompting("abc") + ",\"stream\":true"));
                answers.add(unlimited.completeAsync(prompting("abc") + ",\"max_tokens\":9000000")); // 400
                answers.add(unlimited.completeAsync(prompting("abc") + ",\"temperature\":9")); // 400
            }
            for (CompletableFuture<HttpResponse<String>> answer : answers) answer.get();
            HttpResponse<String> ofKey = limited.complete(prompting("abc"));
            HttpResponse<String> ofTenant = unlimited.complete(prompting("abc"));
            assertThat(header(ofKey, "x-ratelimit-limit-tokens")).isEqualTo(90_000);
            assertThat(header(ofKey, "x-ratelimit-remaining-tokens")).isEqualTo(90_000 - 31 * USED);
            assertThat(header(ofKey, "x-ratelimit-remaining-requests")).isEqualTo(1000 - 31);
            assertThat(header(ofTenant, "x-ratelimit-limit-tokens")).isEqualTo(100_000);
            assertThat(header(ofTenant, "x-ratelimit-remaining-tokens")).isEqualTo(100_000 - 62 * USED);
            // What could never be served for its own fault counts as a request where it came as far as the quotas.
            assertThat(header(ofTenant, "x-ratelimit-remaining-requests")).isBetween(2000L - 62 - 60, 2000L - 62);
        }
    }

    @Test
    void a_client_that_leaves_pays_for_what_was_computed_and_nothing_more() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {tokens-per-minute: 5000, max-concurrent: 1}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            server.gate.close();
            try (RawClient raw = new RawClient(server)) {
                String body = "{\"prompt\":\"abcdefg\",\"max_tokens\":4000,\"stream\":true}";
                raw.sendHead(
                        "POST /v1/completions HTTP/1.1",
                        "Host: localhost",
                        "x-api-key: " + key,
                        "Content-Length: " + body.length());
                raw.send(body);
                server.gate.allow(3);
                raw.readUntil("\"text\":\"a");
                refused(client.complete(prompting("x")), 429, "max_concurrent");
            }
            server.gate.open();
            TestServer.await(
                    "its place to be free",
                    () -> server.tenancy.intake().log().live().isEmpty());
            HttpResponse<String> next = client.complete(prompting("abc") + ",\"max_tokens\":10");
            assertThat(next.statusCode()).isEqualTo(200);
            assertThat(header(next, "x-ratelimit-remaining-tokens"))
                    .isBetween(5000L - 4007 - USED + 1, 5000L - 8 - USED);
        }
    }

    @Test
    void requests_at_the_same_time_are_limited_per_tenant() throws Exception {
        String one = tenants.key("acme");
        String two = tenants.key("acme");
        String umbrella = tenants.key("umbrella");
        tenants.policy("{default-tenant: {max-concurrent: 2}}");
        try (TestServer server = tenants.start()) {
            server.gate.close();
            var first = new KeyedClient(server, one).completeAsync(prompting("abc"));
            var second = new KeyedClient(server, two).completeAsync(prompting("abc"));
            TestServer.await(
                    "both to be admitted",
                    () -> server.tenancy.intake().log().live().stream()
                                    .filter(record -> !record.parts().isEmpty())
                                    .count()
                            == 2);
            HttpResponse<String> third = new KeyedClient(server, one).complete(prompting("abc"));
            refused(third, 429, "max_concurrent");
            assertThat(third.body()).contains("2 concurrent requests of tenant \\\"acme\\\"");
            assertThat(header(third, "retry-after")).isPositive();
            var others = new KeyedClient(server, umbrella).completeAsync(prompting("abc"));
            server.gate.open();
            for (var answer : List.of(first, second, others))
                assertThat(answer.get().statusCode()).isEqualTo(200);
            assertThat(new KeyedClient(server, one).complete(prompting("abc")).statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void without_a_limit_of_its_own_a_request_gets_what_its_quota_can_hold() throws Exception {
        String key = tenants.key("acme", new QuotaLimits(UNLIMITED, 20, UNLIMITED));
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            HttpResponse<String> answer = client.complete("\"prompt\":\"abcd\",\"n\":2");
            assertThat(at(json(answer.body()), "usage.completion_tokens")).isEqualTo(16L);
            assertThat(at(json(answer.body()), "choices.0.finish_reason")).isEqualTo("length");
            server.quotaClock.addAndGet(Duration.ofMinutes(1).toNanos());
            refused(client.complete("\"prompt\":\"" + "a".repeat(20) + "\""), 400, "tokens_per_minute");
        }
    }

    @Test
    void a_tenant_has_a_default_length_of_its_own() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {max-tokens-default: 5}}}");
        try (TestServer server = tenants.start()) {
            HttpResponse<String> answer = new KeyedClient(server, key).complete("\"prompt\":\"abcd\"");
            assertThat(at(json(answer.body()), "usage.completion_tokens")).isEqualTo(5L);
        }
    }

    @Test
    void what_the_server_cannot_serve_now_is_not_held_against_the_caller() throws Exception {
        String key = tenants.key("acme");
        tenants.policy("{tenants: {acme: {tokens-per-minute: 5000, requests-per-minute: 10}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            // The engine refuses by itself, while the routes still ask it.
            server.engine.drain(Duration.ZERO);
            refused(client.complete(prompting("abc")), 503, "draining");
            HttpResponse<String> again = client.complete(prompting("abc"));
            assertThat(header(again, "x-ratelimit-remaining-requests")).isEqualTo(10);
            assertThat(header(again, "x-ratelimit-remaining-tokens")).isEqualTo(5000);
        }
    }

    private static void refused(HttpResponse<String> response, int status, String code) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(at(json(response.body()), "error.code")).isEqualTo(code);
    }
}

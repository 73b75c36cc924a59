package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every failure has the shape that OpenAI's clients parse, whoever found it.
class ErrorShapeTest {
    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void an_unknown_route_is_404() throws Exception {
        Map<String, Object> error = error(server.get("/v1/nothing"), 404);
        assertThat(at(error, "error.code")).isEqualTo("unknown_url");
        assertThat((String) at(error, "error.message")).contains("GET /v1/nothing");
    }

    @Test
    void a_known_route_with_another_method_is_405_and_says_which() throws Exception {
        var response = server.get("/v1/chat/completions");
        error(response, 405);
        assertThat(response.headers().firstValue("allow").orElseThrow()).isEqualTo("POST");
        error(server.post("/v1/models", "{}"), 405);
        error(server.post("/livez", "{}"), 405);
    }

    @Test
    void an_unknown_model_is_404() throws Exception {
        Map<String, Object> error =
                error(server.post("/v1/chat/completions", "{\"model\":\"nope\"," + asking("x") + "}"), 404);
        assertThat(at(error, "error.code")).isEqualTo("model_not_found");
        assertThat(at(error, "error.param")).isEqualTo("model");
        assertThat((String) at(error, "error.message")).contains("\"nope\"").contains("\"test-model\"");
        error(server.get("/v1/models/nope"), 404);
    }

    @Test
    void a_name_without_end_is_not_said_again_in_full() throws Exception {
        String body = "{\"model\":\"" + "n".repeat(10_000) + "\"," + asking("x") + "}";
        assertThat((String) at(error(server.post("/v1/chat/completions", body), 404), "error.message"))
                .contains("n".repeat(64) + "…\"")
                .hasSizeLessThan(300);
    }

    @Test
    void a_body_over_the_limit_is_413_before_any_of_it_is_read() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Length: 100000000");
            String response = client.readToEnd();
            assertThat(response)
                    .startsWith("HTTP/1.1 413")
                    .contains("\"code\":\"body_too_large\"", "65536 bytes, --max-body-bytes");
        }
    }

    @Test
    void a_client_that_asks_before_sending_too_much_is_told_not_to() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead(
                    "POST /v1/completions HTTP/1.1",
                    "Host: localhost",
                    "Expect: 100-continue",
                    "Content-Length: 100000000");
            assertThat(client.readToEnd()).startsWith("HTTP/1.1 413").doesNotContain("100 Continue");
        }
    }

    @Test
    void a_body_in_chunks_is_413_with_the_chunk_that_crosses_the_limit() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked");
            client.send("8000\r\n" + " ".repeat(0x8000) + "\r\n");
            // Announced, never sent: the server must not wait for it, let alone make room.
            client.send("7fff0000\r\n");
            assertThat(client.readUntil("\"code\":\"body_too_large\"")).startsWith("HTTP/1.1 413");
        }
    }

    @Test
    void what_a_refused_body_holds_is_never_taken_for_a_request() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Length: 100000000");
            client.sendHead("GET /livez HTTP/1.1", "Host: localhost");
            assertThat(client.readToEnd().split("HTTP/1.1 ", -1)).hasSize(2);
        }
        try (RawClient client = new RawClient(server)) {
            client.sendHead(
                    "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n7fff0000\r\n"
                            + "GET /livez HTTP/1.1",
                    "Host: localhost");
            assertThat(client.readToEnd().split("HTTP/1.1 ", -1)).hasSize(2);
        }
    }

    @Test
    void a_body_at_the_limit_is_read() throws Exception {
        String head = "{\"prompt\":\"→x\",\"user\":\"";
        String body = head + "u".repeat((int) TestServer.BODY_BYTES_MAX - head.length() - 2 - 2) + "\"}";
        assertThat(server.post("/v1/completions", body).statusCode()).isEqualTo(200);
    }

    @Test
    void broken_json_says_where() throws Exception {
        Map<String, Object> error = error(server.post("/v1/completions", "{\"prompt\":\n  oops}"), 400);
        assertThat((String) at(error, "error.message")).contains("line 2");
        assertThat(at(error, "error.param")).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "7",
                "\"text\"",
                "{} {}",
                "{\"prompt\":\"x\"",
                "{'prompt':'x'}",
                "{\"temperature\":NaN}",
                "{\"prompt\":\"a\tb\"}",
                "{\"prompt\":\"x\",}",
                "{\"n\":01}",
                "null",
                "{\"prompt\":\"\\x\"}"
            })
    void what_is_no_json_object_is_400(String body) throws Exception {
        error(server.post("/v1/completions", body), 400);
    }

    @Test
    void broken_utf8_is_400() throws Exception {
        byte[] body = "{\"prompt\":\"a?b\"}".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        body[12] = (byte) 0xFF;
        var response = server.client.send(
                HttpRequest.newBuilder(server.uri("/v1/completions"))
                        .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        error(response, 400);
    }

    @Test
    void nesting_without_end_is_400() throws Exception {
        error(server.post("/v1/completions", "{\"x\":" + "[".repeat(20_000)), 400);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1e400", "1e99999999999", "123456789012345678901234567890", "-1e400"})
    void numbers_beyond_all_bounds_are_400(String number) throws Exception {
        for (String field : new String[] {"temperature", "max_tokens", "seed", "top_k"}) {
            Map<String, Object> error =
                    error(server.post("/v1/completions", "{\"prompt\":\"x\",\"" + field + "\":" + number + "}"), 400);
            assertThat(at(error, "error.param")).isEqualTo(field);
        }
    }

    @Test
    void of_two_equal_keys_the_last_one_counts() throws Exception {
        var answer = json(server.post("/v1/completions", "{\"prompt\":\"→a\",\"prompt\":\"→b\"}")
                .body());
        assertThat(at(answer, "choices.0.text")).isEqualTo("b");
    }

    @Test
    void half_a_surrogate_pair_becomes_a_replacement() throws Exception {
        var answer = json(
                server.post("/v1/completions", "{\"prompt\":\"→a\\ud800b\"}").body());
        assertThat(at(answer, "choices.0.text")).isEqualTo("a\uFFFDb");
    }

    @Test
    void broken_http_is_answered_in_the_same_shape() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("GET /livez HTTP/1.1");
            String response = client.readToEnd();
            assertThat(response).startsWith("HTTP/1.1 400").contains("{\"error\":{\"message\":");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"zz\r\nabc\r\n", "-5\r\nabc\r\n", "ffffffffffffffffff\r\nabc", "3;name=value\r\nabc\r\n"})
    void a_body_in_broken_chunks_is_400_and_ends_its_connection(String chunks) throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked");
            client.send(chunks);
            // What follows such a body may be anything: nothing of it may be taken for a request.
            String response = client.readToEnd();
            assertThat(response).startsWith("HTTP/1.1 400").contains("\"code\":\"broken_body\"");
            assertThat(response.toLowerCase(Locale.ROOT)).contains("connection: close");
            assertThat(response.split("HTTP/1.1 ", -1)).hasSize(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 1000", "Transfer-Encoding: chunked"})
    void a_body_that_ends_too_early_is_400(String framing) throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", framing);
            client.send("8\r\n{\"prom").endSending();
            assertThat(client.readToEnd()).startsWith("HTTP/1.1 400").contains("\"code\":\"broken_body\"");
        }
    }

    @Test
    void an_answer_to_head_has_no_body() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("HEAD /v1/models HTTP/1.1", "Host: localhost");
            client.sendHead("GET /livez HTTP/1.1", "Host: localhost", "Connection: close");
            assertThat(client.readToEnd())
                    .startsWith("HTTP/1.1 405")
                    .doesNotContain("error")
                    .contains("HTTP/1.1 200");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET /livez HTTP/1.0", "GET /livez HTTP/2.0", "GET /livez"})
    void another_version_of_http_is_answered(String line) throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead(line, "Host: localhost");
            assertThat(client.readToEnd())
                    .matches("(?s)HTTP/1.1 (400|505) .*")
                    .contains("\"type\":\"invalid_request_error\"");
        }
    }

    @Test
    void an_address_beyond_all_bounds_is_answered() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("GET /" + "x".repeat(20_000) + " HTTP/1.1", "Host: localhost");
            assertThat(client.readUntil("}}")).startsWith("HTTP/1.1 414").contains("{\"error\":{\"message\":");
        }
    }

    @Test
    void headers_beyond_all_bounds_are_431() throws Exception {
        String many = "X-Short: x\r\n".repeat(10_000);
        for (String headers : List.of("X-Long: " + "x".repeat(100_000), many + "X-Last: x")) {
            try (RawClient client = new RawClient(server)) {
                client.sendHead("GET /livez HTTP/1.1", "Host: localhost", headers);
                assertThat(client.readUntil("}}"))
                        .startsWith("HTTP/1.1 431")
                        .contains("\"code\":\"headers_too_large\"", "headers are larger");
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "X-A: 1 | Host header must be present",
                "Host: | Host header must not be empty",
                "Host: localhost;Host: localhost | Only a single Host header",
                "Host: localhost;Content-Length: 5;Content-Length: 6 | Content-Length",
                "Host: localhost;Content-Length: x | not a number",
                "Host: localhost;Content-Length: 5;Transfer-Encoding: chunked | must not be combined",
                "Host: localhost;Content-Length: 5;Content-Encoding: gzip | Content-Encoding",
                "Host: localhost;no colon here | missing colon",
                "Host: localhost;Transfer-Encoding: gzip | Transfer-Encoding",
            })
    void broken_http_says_what_is_wrong_with_it(String headers, String said) throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", headers.replace(";", "\r\n"));
            assertThat(client.readToEnd()).startsWith("HTTP/1.1 400").contains(said);
        }
    }

    @Test
    void a_first_line_that_is_none_is_told_what_it_should_be() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("GET /livez", "Host: localhost");
            assertThat(client.readToEnd()).startsWith("HTTP/1.1 400").contains("METHOD PATH HTTP/1.1");
        }
    }

    @Test
    void the_request_id_is_echoed_or_made() throws Exception {
        var given = server.client.send(
                HttpRequest.newBuilder(server.uri("/v1/nothing"))
                        .header("x-request-id", "abc-123")
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(given.headers().firstValue("x-request-id")).contains("abc-123");
        assertThat(server.chat(asking("x")).headers().firstValue("x-request-id").orElseThrow())
                .startsWith("req-");
        var endless = server.client.send(
                HttpRequest.newBuilder(server.uri("/livez"))
                        .header("x-request-id", "x".repeat(1000))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(endless.headers().firstValue("x-request-id").orElseThrow()).startsWith("req-");
    }

    @Test
    void any_bearer_token_and_any_client_header_are_accepted() throws Exception {
        var response = server.client.send(
                HttpRequest.newBuilder(server.uri("/v1/models"))
                        .header("Authorization", "Bearer anything")
                        .header("X-Stainless-Lang", "python")
                        .header("Idempotency-Key", "stainless-python-retry-1")
                        .header("Accept", "application/json")
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).isEqualTo(200);
    }

    private static Map<String, Object> error(HttpResponse<String> response, int status) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("content-type").orElseThrow()).isEqualTo("application/json");
        assertThat(response.headers().firstValue("x-request-id")).isPresent();
        Map<String, Object> json = json(response.body());
        assertThat((String) at(json, "error.message")).isNotBlank();
        assertThat((String) at(json, "error.type")).isNotBlank();
        assertThat(response.body()).contains("\"param\":").contains("\"code\":");
        Object code = at(json, "error.code");
        assertThat(code == null || code instanceof String).isTrue();
        return json;
    }
}

package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a request may ask for in headers: less than its tenant has, never more.
class CallerHeadersTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private TestServer server;

    @SuppressWarnings("NullAway.Init") // made before each test
    private KeyedClient client;

    @SuppressWarnings("NullAway.Init") // made before each test
    private KeyedClient operator;

    @BeforeEach
    void start() {
        Tenants tenants = new Tenants(folder)
                .policy("{tenants: {acme: {class: standard, ttft-deadline: 20s, deadline: 90s}},"
                        + " classes: {bulk: {rank: 9}, beside: {rank: 2}}}");
        String key = tenants.key("acme");
        String admin = tenants.adminKey();
        server = tenants.start();
        client = new KeyedClient(server, key);
        operator = new KeyedClient(server, admin);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void without_headers_the_tenants_own_terms_hold() throws Exception {
        Map<String, Object> request = served();
        assertThat(request)
                .containsEntry("class", "standard")
                .containsEntry("ttft_deadline_ms", 20_000L)
                .containsEntry("deadline_ms", 90_000L);
    }

    @Test
    void a_request_may_choose_a_class_that_goes_later() throws Exception {
        assertThat(served("x-sluice-class", "batch")).containsEntry("class", "batch");
        assertThat(served("X-Sluice-Class", "bulk")).containsEntry("class", "bulk");
        assertThat(served("x-sluice-class", "standard")).containsEntry("class", "standard");
    }

    @ParameterizedTest
    @CsvSource({"interactive", "guaranteed", "beside"})
    void a_request_may_not_choose_one_that_goes_before_or_beside_its_own(String wanted) throws Exception {
        HttpResponse<String> response = client.complete(prompting("x"), "x-sluice-class", wanted);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(403);
        Map<String, Object> error = json(response.body());
        assertThat(at(error, "error.code")).isEqualTo("class_not_allowed");
        assertThat(at(error, "error.param")).isEqualTo("x-sluice-class");
        assertThat((String) at(error, "error.message")).contains(wanted, "standard");
        assertThat(response.headers().firstValue("x-should-retry")).contains("false");
    }

    @Test
    void deadlines_can_only_be_shortened() throws Exception {
        assertThat(served("x-sluice-ttft-ms", "19000", "x-sluice-deadline-ms", "60000"))
                .containsEntry("ttft_deadline_ms", 19_000L)
                .containsEntry("deadline_ms", 60_000L);
        assertThat(served("x-sluice-ttft-ms", "999999", "x-sluice-deadline-ms", "999999"))
                .containsEntry("ttft_deadline_ms", 20_000L)
                .containsEntry("deadline_ms", 90_000L);
        assertThat(served("x-llm-d-slo-ttft-ms", "18000")).containsEntry("ttft_deadline_ms", 18_000L);
        assertThat(served("x-llm-d-slo-ttft-ms", "18000", "x-sluice-ttft-ms", "17000"))
                .containsEntry("ttft_deadline_ms", 17_000L);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "x-sluice-ttft-ms | 0",
                "x-sluice-ttft-ms | -1",
                "x-sluice-ttft-ms | 1.5",
                "x-sluice-ttft-ms | 1e3",
                "x-sluice-ttft-ms | soon",
                "x-sluice-ttft-ms | 99999999999999999999",
                "x-sluice-ttft-ms | 0x10",
                "x-sluice-ttft-ms | ''",
                "x-sluice-deadline-ms | +5",
                "x-sluice-deadline-ms | 40000000000",
                "x-llm-d-slo-ttft-ms | NaN",
                "x-sluice-class | batsch",
                "x-sluice-class | ''"
            })
    void a_header_that_means_nothing_is_400_and_named(String header, String value) throws Exception {
        HttpResponse<String> response = client.complete(prompting("x"), header, value);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        Map<String, Object> error = json(response.body());
        assertThat(at(error, "error.param")).isEqualTo(header);
        assertThat(at(error, "error.code")).isEqualTo("invalid_header");
    }

    @Test
    void the_nearest_class_is_named_and_a_header_that_comes_twice_is_refused() throws Exception {
        assertThat(client.complete(prompting("x"), "x-sluice-class", "batsch").body())
                .contains("did you mean batch?");
        HttpResponse<String> twice =
                client.complete(prompting("x"), "x-sluice-ttft-ms", "1000", "x-sluice-ttft-ms", "2000");
        assertThat(twice.statusCode()).isEqualTo(400);
        assertThat(twice.body()).contains("was sent 2 times");
    }

    @Test
    void a_request_whose_deadline_has_passed_is_408_and_not_worth_a_retry() throws Exception {
        server.gate.close();
        var late = client.completeAsync(prompting("x"), "x-sluice-deadline-ms", "1");
        TestServer.await(
                "it to be decided",
                () -> server.tenancy.intake().log().newest(1).stream()
                        .anyMatch(record -> record.isOver() || !record.parts().isEmpty()));
        long decidedNs = System.nanoTime();
        TestServer.await("its deadline", () -> System.nanoTime() - decidedNs > 1_000_000);
        server.gate.open();
        HttpResponse<String> response = late.get();
        assertThat(response.statusCode()).as(response.body()).isEqualTo(408);
        assertThat(at(json(response.body()), "error.code")).isEqualTo("deadline_exceeded");
        assertThat(response.headers().firstValue("x-should-retry")).contains("false");
    }

    private Map<String, Object> served(String... headers) throws Exception {
        HttpResponse<String> response = client.complete(prompting("x"), headers);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        String id = response.headers().firstValue("x-request-id").orElseThrow();
        return operator.adminJson("/admin/requests/" + id);
    }
}

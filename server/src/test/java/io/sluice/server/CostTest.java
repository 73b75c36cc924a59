package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What requests cost, on a running server.
class CostTest {
    private static final String PRICES =
            "prices: {currency: EUR, per-million-prompt-tokens: 2, per-million-output-tokens: 10,"
                    + " per-device-hour: 36, per-kv-block-hour: 0.36, classes: {batch: {per-million-output-tokens: 1}}}";

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        tenants.policy("{" + PRICES + "}");
    }

    @Test
    void the_tenants_parts_add_up_to_the_whole_within_one_percent() throws Exception {
        List<String> keys = List.of(tenants.key("a"), tenants.key("b"), tenants.key("c"));
        try (TestServer server = tenants.start()) {
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                String fields = prompting("abc".repeat(1 + i)) + ",\"n\":" + (1 + i % 3);
                answers.add(new KeyedClient(server, keys.get(i % 3)).completeAsync(fields));
            }
            double answered = 0;
            for (var answer : answers) answered += cost(answer.get());
            TestServer.await("all to be counted", () -> server.engine.stats().running() == 0);
            double seconds = server.total("sluice_device_seconds_total");
            assertThat(seconds).isPositive();
            assertThat(server.tenantTotal("sluice_tenant_device_seconds_total"))
                    .isCloseTo(seconds, withinPercentage(1));
            assertThat(server.total("sluice_class_device_seconds_total")).isCloseTo(seconds, withinPercentage(1));
            assertThat(server.tenantTotal("sluice_tenant_kv_block_seconds_total"))
                    .isCloseTo(server.total("sluice_kv_block_seconds_used_total"), withinPercentage(1));
            assertThat(server.tenantTotal("sluice_tenant_cost_total")).isCloseTo(answered, withinPercentage(0.1));
            assertThat(server.total("sluice_cost_total")).isCloseTo(answered, withinPercentage(0.1));
        }
    }

    @Test
    void an_answer_says_what_it_cost_by_the_prices_of_its_class() throws Exception {
        tenants.policy("{prices: {currency: EUR, per-million-prompt-tokens: 2, per-million-output-tokens: 10,"
                + " classes: {batch: {per-million-output-tokens: 1}}}}");
        String key = tenants.key("a");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            Map<String, Object> usage = usage(client.complete(prompting("hello")));
            double expected = (tokens(usage, "prompt_tokens") * 2 + tokens(usage, "completion_tokens") * 10) / 1e6;
            assertThat(number(usage, "sluice.cost")).isCloseTo(expected, withinPercentage(0.1));
            assertThat(at(usage, "sluice.currency")).isEqualTo("EUR");
            assertThat(number(usage, "sluice.device_seconds")).isPositive();
            assertThat(number(usage, "sluice.kv_block_seconds")).isPositive();
            Map<String, Object> batch = usage(client.complete(prompting("hello"), "x-sluice-class", "batch"));
            assertThat(number(batch, "sluice.cost")).isLessThan(number(usage, "sluice.cost"));
            String stream = client.complete(
                            prompting("hello") + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}")
                    .body();
            assertThat(stream).contains("\"sluice\":{\"device_seconds\":");
        }
    }

    @Test
    void a_reload_changes_what_is_charged_from_then_on_and_without_a_table_nothing_is() throws Exception {
        String key = tenants.key("a");
        String admin = tenants.adminKey();
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, key);
            assertThat(cost(client.complete(prompting("one")))).isPositive();
            tenants.policy("{}");
            assertThat(new KeyedClient(server, admin)
                            .adminPost("/admin/policy/reload", "")
                            .body())
                    .contains("policy.prices.usual", "policy.prices.classes.batch");
            assertThat(client.complete(prompting("one")).body()).doesNotContain("\"sluice\"");
        }
    }

    private static Map<String, Object> usage(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        @SuppressWarnings("unchecked") // it is an object
        Map<String, Object> usage = (Map<String, Object>) at(json(answer.body()), "usage");
        return Objects.requireNonNull(usage);
    }

    private static double cost(HttpResponse<String> answer) {
        return number(usage(answer), "sluice.cost");
    }

    private static double tokens(Map<String, Object> usage, String name) {
        return number(usage, name);
    }

    private static double number(Map<String, Object> json, String path) {
        if (at(json, path) instanceof Number number) return number.doubleValue();
        throw new AssertionError("no number at " + path + " in " + json);
    }
}

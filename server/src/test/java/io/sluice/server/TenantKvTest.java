package io.sluice.server;

import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whose the KV blocks are: floors that nobody takes, ceilings that nobody exceeds, and the figures that show it.
class TenantKvTest {
    private static final int BLOCKS = 100;
    private static final int BLOCK = 16;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String sweeper;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String careful;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        sweeper = tenants.key("sweeper");
        careful = tenants.key("careful");
    }

    @Test
    void a_sweep_of_prompts_that_are_all_different_takes_no_block_below_anothers_floor() throws Exception {
        tenants.policy("{tenants: {careful: {kv-floor: 30%}}}");
        try (TestServer server = start()) {
            KeyedClient client = new KeyedClient(server, careful);
            // Forty blocks, of which the floor protects thirty.
            for (int i = 0; i < 10; i++) complete(client, prompt("careful", i, 4 * BLOCK + 1));
            assertThat(blocks(server, "careful", "cached")).isEqualTo(40);
            assertThat(server.tenantTotal("sluice_tenant_kv_floor_blocks{model=\"test-model\",tenant=\"careful\""))
                    .isEqualTo(30);
            for (int i = 0; i < 100; i++) {
                complete(new KeyedClient(server, sweeper), prompt("sweeper", i, 5 * BLOCK + 1));
                assertThat(blocks(server, "careful", "cached")).isGreaterThanOrEqualTo(30);
            }
            assertThat(blocks(server, "careful", "cached")).isEqualTo(30);
            assertThat(blocks(server, "sweeper", "cached")).isPositive();
            assertSumsAreTotals(server);
            long found = 0;
            for (int i = 0; i < 10; i++) found += complete(client, prompt("careful", i, 4 * BLOCK + 1));
            assertThat(found).as("tokens that were still there").isGreaterThanOrEqualTo(7 * 4 * BLOCK);
        }
    }

    @Test
    void without_a_floor_the_same_sweep_leaves_nothing() throws Exception {
        try (TestServer server = start()) {
            for (int i = 0; i < 10; i++)
                complete(new KeyedClient(server, careful), prompt("careful", i, 4 * BLOCK + 1));
            for (int i = 0; i < 100; i++)
                complete(new KeyedClient(server, sweeper), prompt("sweeper", i, 5 * BLOCK + 1));
            assertThat(blocks(server, "careful", "cached")).isZero();
        }
    }

    @Test
    void what_runs_of_a_tenant_never_exceeds_its_ceiling_and_others_go_past_it() throws Exception {
        tenants.policy("{tenants: {sweeper: {kv-ceiling: 25%}}}");
        try (TestServer server = start()) {
            server.gate.close();
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            // Ten blocks each at the end: two at a time.
            for (int i = 0; i < 6; i++) {
                answers.add(new KeyedClient(server, sweeper)
                        .completeAsync(prompt("sweeper", i, 5 * BLOCK) + ",\"max_tokens\":" + 5 * BLOCK));
            }
            TestServer.await("all to be admitted", () -> server.total("sluice_requests_admitted_total") == 6);
            var other = new KeyedClient(server, careful)
                    .completeAsync(prompt("careful", 0, 20 * BLOCK) + ",\"max_tokens\":" + 10 * BLOCK);
            TestServer.await("the other to be admitted", () -> server.total("sluice_requests_admitted_total") == 7);
            double[] most = new double[2];
            TestServer.await("all to be answered", () -> {
                server.gate.allow(1);
                most[0] = Math.max(most[0], blocks(server, "sweeper", "used"));
                most[1] = Math.max(most[1], blocks(server, "careful", "used"));
                return other.isDone() && answers.stream().allMatch(CompletableFuture::isDone);
            });
            for (var answer : answers) assertThat(answer.get().statusCode()).isEqualTo(200);
            assertThat(other.get().statusCode()).isEqualTo(200);
            assertThat(server.tenantTotal("sluice_tenant_kv_ceiling_blocks{model=\"test-model\",tenant=\"sweeper\""))
                    .isEqualTo(25);
            assertThat(most[0]).isBetween(11.0, 25.0);
            assertThat(most[1]).isBetween(26.0, 30.0);
            HttpResponse<String> never = new KeyedClient(server, sweeper)
                    .complete(prompt("sweeper", 9, 20 * BLOCK) + ",\"max_tokens\":" + 10 * BLOCK);
            assertThat(never.statusCode()).isEqualTo(400);
            assertThat(never.body()).contains("kv-ceiling").contains("request_too_large");
        }
    }

    @Test
    void blocks_of_tenants_that_are_not_shown_and_of_shared_prefixes_are_counted_together() throws Exception {
        tenants.policy("{shared-prefixes: {all: {text: 'the same beginning of them all ', tenants: all}}}");
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < 2 * TestServer.TENANTS_SHOWN; i++) keys.add(tenants.key("tenant-" + i));
        try (TestServer server = start()) {
            for (String key : keys) {
                complete(
                        new KeyedClient(server, key),
                        "\"prompt\":\"the same beginning of them all " + "x".repeat(32) + '"');
            }
            assertSumsAreTotals(server);
            assertThat(blocks(server, "other", "cached")).isGreaterThan(TestServer.TENANTS_SHOWN);
        }
    }

    private TestServer start() {
        return TestServer.start(
                TestServer.Options.usual().withSource(tenants.source()).withBlockCount(BLOCKS));
    }

    private static void assertSumsAreTotals(TestServer server) throws InterruptedException {
        TestServer.await("the server to be idle", () -> server.engine.stats().running() == 0);
        assertThat(server.tenantTotal("sluice_tenant_kv_blocks{"))
                .isEqualTo(server.total("sluice_kv_blocks_used{") + server.total("sluice_kv_blocks_cached{"));
    }

    private static double blocks(TestServer server, String tenant, String state) {
        return server.tenantTotal(
                "sluice_tenant_kv_blocks{model=\"test-model\",state=\"" + state + "\",tenant=\"" + tenant + "\"}");
    }

    /// So many tokens, like no other prompt.
    private static String prompt(String who, int number, int tokens) {
        String name = who + " " + number + " ";
        return "\"prompt\":\"" + name + "x".repeat(tokens - name.length()) + '"';
    }

    /// @return prompt tokens that were cached
    private static long complete(KeyedClient client, String fields) throws Exception {
        HttpResponse<String> response =
                client.complete(fields.contains("max_tokens") ? fields : fields + ",\"max_tokens\":1");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return TestServer.count(json(response.body()), "usage.prompt_tokens_details.cached_tokens");
    }
}

package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.records.RequestLog;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What operators are told: what became of a request and why, the queue, the policy.
class AdminTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String acme;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String admin;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        acme = tenants.key("acme");
        admin = tenants.adminKey();
    }

    @Test
    void a_request_that_was_served_is_explained_by_its_id_and_by_its_answers() throws Exception {
        try (TestServer server = tenants.start()) {
            KeyedClient operator = new KeyedClient(server, admin);
            HttpResponse<String> response = new KeyedClient(server, acme)
                    .complete(prompting("abc") + ",\"max_tokens\":9,\"n\":2", "x-request-id", "my-request");
            Map<String, Object> request = operator.adminJson("/admin/requests/my-request");
            assertThat(request)
                    .containsEntry("id", "my-request")
                    .containsEntry("answer_id", json(response.body()).get("id"))
                    .containsEntry("path", "/v1/completions")
                    .containsEntry("tenant", "acme")
                    .containsEntry("key", Tenants.idOf(acme))
                    .containsEntry("class", "standard")
                    .containsEntry("state", "over")
                    .containsEntry("tokens_wanted_at_least", 19L)
                    .doesNotContainKey("deadline_ms");
            assertThat(at(request, "decision.admitted")).isEqualTo(true);
            assertThat(at(request, "decision.prompt_tokens")).isEqualTo(8L);
            assertThat(at(request, "decision.choices")).isEqualTo(2L);
            assertThat(list(request, "endings")).hasSize(2).allMatch("stop"::equals);
            assertThat(at(request, "usage.completion_tokens")).isEqualTo(8L);
            assertThat(at(request, "prompts.0.prompt_tokens")).isEqualTo(8L);
            assertThat(at(request, "prompts.0.output_tokens_max")).isEqualTo(9L);
            assertThat(at(request, "prompts.0.choices")).isEqualTo(2L);
            assertThat(at(request, "prompts.0.forecast_at_admission.requests_ahead"))
                    .isNotNull();
            assertThat(at(request, "prompts.0.preemptions")).isEqualTo(0L);
            double admitted = number(at(request, "decision.at_ms"));
            assertThat(admitted).isPositive();
            assertThat(number(at(request, "first_token_ms"))).isGreaterThanOrEqualTo(admitted);
            assertThat(number(at(request, "ended_ms"))).isGreaterThanOrEqualTo(number(at(request, "first_token_ms")));
            assertThat(operator.adminJson(
                            "/admin/requests/" + json(response.body()).get("id")))
                    .isEqualTo(request);
        }
    }

    @Test
    void a_request_that_was_refused_is_explained_with_what_it_was_told() throws Exception {
        tenants.policy("{tenants: {acme: {requests-per-minute: 1}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, acme);
            KeyedClient operator = new KeyedClient(server, admin);
            client.complete(prompting("x"));
            client.complete(prompting("x"), "x-request-id", "over-quota");
            client.complete(prompting("x") + ",\"max_tokens\":0", "x-request-id", "invalid");
            client.complete("nonsense", "x-request-id", "no-json");
            Map<String, Object> overQuota = operator.adminJson("/admin/requests/over-quota");
            assertThat(overQuota).containsEntry("state", "refused").containsEntry("tenant", "acme");
            assertThat(at(overQuota, "decision.admitted")).isEqualTo(false);
            assertThat(at(overQuota, "decision.status")).isEqualTo(429L);
            assertThat(at(overQuota, "decision.code")).isEqualTo("requests_per_minute");
            assertThat((String) at(overQuota, "decision.message")).contains("1 requests per minute");
            assertThat(number(at(overQuota, "decision.retry_after_ms"))).isEqualTo(60_000);
            assertThat(list(overQuota, "prompts")).isEmpty();
            assertThat(at(operator.adminJson("/admin/requests/invalid"), "decision.status"))
                    .isEqualTo(400L);
            assertThat(at(operator.adminJson("/admin/requests/no-json"), "decision.status"))
                    .isEqualTo(400L);
        }
    }

    @Test
    void the_live_queue_shows_who_runs_and_who_waits() throws Exception {
        try (TestServer server = TestServer.start(
                TestServer.Options.usual().withSource(tenants.source()).withSequencesMax(1))) {
            KeyedClient client = new KeyedClient(server, acme);
            KeyedClient operator = new KeyedClient(server, admin);
            server.gate.close();
            var first = client.completeAsync(prompting("abc"), "x-request-id", "first");
            TestServer.await("the first to be admitted", () -> decided(server) == 1);
            var second = client.completeAsync(prompting("abc"), "x-request-id", "second");
            TestServer.await("the second to be admitted", () -> decided(server) == 2);
            Map<String, Object> queue = operator.adminJson("/admin/queue");
            assertThat(queue).containsEntry("engine_answers", false); // its step does not return
            assertThat(list(queue, "sequences")).isEmpty();
            assertThat(at(queue, "kv_blocks.total")).isEqualTo(4096L);
            assertThat(list(queue, "requests")).hasSize(2);
            assertThat(at(queue, "requests.0.id")).isEqualTo("first");
            assertThat(at(queue, "requests.1.id")).isEqualTo("second");
            assertThat(at(queue, "requests.1.tenant")).isEqualTo("acme");
            assertThat(number(at(queue, "requests.0.age_ms"))).isGreaterThan(number(at(queue, "requests.1.age_ms")));
            assertThat(operator.adminJson("/admin/requests/second").get("state"))
                    .isIn("waiting", "running");
            server.gate.open();
            first.get();
            second.get();
            TestServer.await(
                    "both to be over",
                    () -> server.tenancy.intake().log().live().isEmpty());
            assertThat(list(operator.adminJson("/admin/queue"), "requests")).isEmpty();
        }
    }

    @Test
    void the_live_queue_shows_each_sequence_between_two_steps() throws Exception {
        try (TestServer server = TestServer.start(
                TestServer.Options.usual().withSource(tenants.source()).withSequencesMax(1))) {
            KeyedClient client = new KeyedClient(server, acme);
            KeyedClient operator = new KeyedClient(server, admin);
            assertThat(operator.adminJson("/admin/queue")).containsEntry("engine_answers", true);
            server.gate.close();
            var first = client.completeAsync("\"prompt\":\"abc\",\"max_tokens\":900", "x-request-id", "first");
            TestServer.await("the first to be admitted", () -> decided(server) == 1);
            var second = client.completeAsync(prompting("abc"), "x-request-id", "second");
            TestServer.await("the second to be admitted", () -> decided(server) == 2);
            Map<String, Object> queue = whileStepping(server, () -> operator.adminJson("/admin/queue"));
            assertThat(at(queue, "sequences.0.state")).isEqualTo("running");
            assertThat(at(queue, "sequences.0.class")).isEqualTo("standard");
            assertThat(at(queue, "sequences.0.prompt_tokens")).isEqualTo(3L);
            assertThat(at(queue, "sequences.0.output_tokens_max")).isEqualTo(900L);
            assertThat(at(queue, "sequences.0.kv_blocks")).isNotEqualTo(0L);
            assertThat(at(queue, "sequences.1.state")).isEqualTo("waiting");
            assertThat(at(queue, "sequences.1.tenant")).isEqualTo("acme");
            assertThat(at(queue, "sequences.1.kv_blocks")).isEqualTo(0L);
            assertThat(at(queue, "classes.0.waiting_requests")).isEqualTo(1L);
            server.gate.open();
            first.get();
            second.get();
        }
    }

    /// Lets one step through after the other until the answer is there.
    private static <T> T whileStepping(TestServer server, Callable<T> question) throws Exception {
        var answer = new FutureTask<>(question);
        Thread.ofVirtual().start(answer);
        TestServer.await("the engine to answer", () -> {
            server.gate.allow(1);
            return answer.isDone();
        });
        return answer.get();
    }

    @Test
    void the_latest_requests_are_listed_newest_first() throws Exception {
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, acme);
            KeyedClient operator = new KeyedClient(server, admin);
            for (int i = 0; i < 5; i++) client.complete(prompting("x"), "x-request-id", "r" + i);
            Map<String, Object> three = operator.adminJson("/admin/requests?limit=3");
            assertThat(list(three, "requests")).hasSize(3);
            assertThat(at(three, "requests.0.id")).isEqualTo("r4");
            assertThat(at(three, "requests.2.id")).isEqualTo("r2");
            assertThat(list(operator.adminJson("/admin/requests"), "requests")).hasSize(5);
            for (String wrong : new String[] {"0", "-1", "x", "1.5"}) {
                assertThat(operator.adminGet("/admin/requests?limit=" + wrong).statusCode())
                        .isEqualTo(400);
            }
            HttpResponse<String> unknown = operator.adminGet("/admin/requests/nope");
            assertThat(unknown.statusCode()).isEqualTo(404);
            assertThat(unknown.body()).contains("request_not_found").contains("" + RequestLog.RECENT_MAX);
        }
    }

    @Test
    void callers_who_are_not_let_in_leave_no_record() throws Exception {
        try (TestServer server = tenants.start()) {
            for (int i = 0; i < 10; i++) {
                new KeyedClient(server, "sk-sluice-x-y").complete(prompting("x"), "x-request-id", "r" + i);
            }
            assertThat(list(new KeyedClient(server, admin).adminJson("/admin/requests"), "requests"))
                    .isEmpty();
        }
    }

    @Test
    void the_policy_in_force_is_shown_without_secrets() throws Exception {
        tenants.policy("{tenants: {acme: {weight: 2, requests-per-minute: 60}, b: {}, c: {}},"
                + " shared-prefixes: {helpdesk: {system: be secretive, tenants: [acme]}}}");
        try (TestServer server = tenants.start()) {
            HttpResponse<String> response = new KeyedClient(server, admin).adminGet("/admin/policy");
            Map<String, Object> policy = json(response.body());
            assertThat(at(policy, "classes.batch.parkable")).isEqualTo("true");
            assertThat(at(policy, "tenants.acme.weight")).isEqualTo("2");
            assertThat(at(policy, "tenants.acme.requests-per-minute")).isEqualTo("60");
            assertThat(at(policy, "default_tenant.class")).isEqualTo("standard");
            assertThat(at(policy, "tenants_total")).isEqualTo(3L);
            assertThat(at(policy, "keys." + Tenants.idOf(acme) + ".tenant")).isEqualTo("acme");
            assertThat(at(policy, "keys_needed")).isEqualTo(true);
            assertThat(at(policy, "shared_prefixes.helpdesk.tenants")).isEqualTo("acme");
            assertThat(response.body())
                    .doesNotContain("secretive")
                    .doesNotContain(acme.substring(acme.lastIndexOf('-') + 1))
                    .doesNotContain(admin.substring(admin.lastIndexOf('-') + 1))
                    .doesNotContainPattern("sha256:[0-9a-f]{9}");
            Map<String, Object> short1 = new KeyedClient(server, admin).adminJson("/admin/policy?limit=1");
            assertThat((Map<?, ?>) at(short1, "tenants")).hasSize(1);
            assertThat(at(short1, "tenants_total")).isEqualTo(3L);
        }
    }

    @Test
    void a_shared_prefix_is_used_by_those_it_is_open_to_and_a_reload_can_open_it_to_others() throws Exception {
        String eve = tenants.key("eve");
        String prefix = "{text: 'the handbook of this company says', tenants: ";
        tenants.policy("{shared-prefixes: {handbook: " + prefix + "[acme]}}}");
        try (TestServer server = tenants.start()) {
            String prompt = "\"prompt\":\"the handbook of this company says →x\"";
            assertThat(sharedTokens(server, acme, prompt)).isEqualTo(33L);
            assertThat(sharedTokens(server, eve, prompt)).isZero();
            assertThat(sharedTokens(server, acme, "\"prompt\":\"the handbook →x\""))
                    .isZero();
            tenants.policy("{shared-prefixes: {handbook: " + prefix + "all}}}");
            server.tenancy.reload().reload();
            assertThat(sharedTokens(server, eve, prompt)).isEqualTo(33L);
        }
    }

    private long sharedTokens(TestServer server, String key, String fields) throws Exception {
        HttpResponse<String> response = new KeyedClient(server, key).complete(fields);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        String id = response.headers().firstValue("x-request-id").orElseThrow();
        Map<String, Object> request = new KeyedClient(server, admin).adminJson("/admin/requests/" + id);
        return at(request, "prompts.0.shared_prefix_tokens") instanceof Long tokens ? tokens : -1;
    }

    @Test
    void chats_have_records_too() throws Exception {
        try (TestServer server = TestServer.start()) {
            KeyedClient anybody = new KeyedClient(server, "");
            HttpResponse<String> response =
                    server.post("/v1/chat/completions", chatBody(TestServer.asking("abc") + ",\"stream\":true"));
            String id = response.headers().firstValue("x-request-id").orElseThrow();
            Map<String, Object> request = anybody.adminJson("/admin/requests/" + id);
            assertThat((String) request.get("answer_id")).startsWith("chatcmpl-");
            assertThat(list(request, "endings")).hasSize(1).allMatch("stop"::equals);
        }
    }

    private static long decided(TestServer server) {
        return server.tenancy.intake().log().live().stream()
                .filter(record -> !record.parts().isEmpty())
                .count();
    }

    private static double number(@Nullable Object value) {
        return value instanceof Number number ? number.doubleValue() : Double.NaN;
    }
}

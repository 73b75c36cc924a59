package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Who may do what, and who is taken for whom.
class AccessTest {
    private static final List<String> PROBES = List.of("/livez", "/readyz", "/startupz");

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
    void without_a_key_every_path_but_the_three_probes_is_401() throws Exception {
        tenants.key("acme");
        try (TestServer server = tenants.start()) {
            for (String probe : PROBES) {
                HttpResponse<String> response = server.get(probe);
                assertThat(response.statusCode()).as(probe).isEqualTo(200);
                assertThat(response.body()).isEqualTo("{\"status\":\"ok\"}");
            }
            for (String path : List.of(
                    "/",
                    "/v1/models",
                    "/v1/models/test-model",
                    "/v1/models/nope",
                    "/v1/responses/x",
                    "/v1/files",
                    "/v1/batches/x",
                    "/tokenize",
                    "/v1/nothing",
                    "/health",
                    "/version",
                    "/metrics",
                    "/admin/policy",
                    "/livez/",
                    "/livez/x",
                    "/livez;x=1",
                    "/%6civez",
                    "/LIVEZ",
                    "//livez",
                    "/x/../livez",
                    "/readyz%2f")) {
                unauthorized(server.get(path), path);
            }
            for (String path : List.of("/v1/chat/completions", "/v1/completions", "/v1/models", "/nothing")) {
                unauthorized(server.post(path, "{}"), path);
                unauthorized(server.post(path, "no json at all"), path);
            }
            for (String method : List.of("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE")) {
                HttpRequest request = HttpRequest.newBuilder(server.uri("/v1/completions"))
                        .method(method, HttpRequest.BodyPublishers.noBody())
                        .build();
                unauthorized(server.client.send(request, HttpResponse.BodyHandlers.ofString()), method);
            }
        }
    }

    @Test
    void a_key_is_taken_from_either_header() throws Exception {
        String key = tenants.key("acme");
        try (TestServer server = tenants.start()) {
            for (String[] headers : new String[][] {
                {"Authorization", "Bearer " + key},
                {"authorization", "bearer  " + key + " "},
                {"x-api-key", key},
                {"Authorization", "Bearer " + key, "x-api-key", key},
                {"Authorization", "Basic eDp5", "x-api-key", key}
            }) {
                assertThat(models(server, headers).statusCode()).isEqualTo(200);
            }
            String other = tenants.key("other-one");
            for (String[] headers : new String[][] {
                {"Authorization", key},
                {"Authorization", "Bearer"},
                {"Authorization", "Bearer "},
                {"Authorization", "Basic " + key},
                {"Authorization", "Bearer " + key + "x"},
                {"Authorization", "Bearer " + key, "x-api-key", other},
                {"api-key", key},
                {"Cookie", "key=" + key},
                {"x-api-key", "sk-sluice-" + Tenants.idOf(key) + "-" + "0".repeat(43)}
            }) {
                unauthorized(models(server, headers), String.join(" ", headers));
            }
            unauthorized(server.get("/v1/models?key=" + key), "a key in the address");
        }
    }

    @Test
    void an_expired_key_is_named_as_such_to_whom_has_its_secret() throws Exception {
        String key = tenants.expiredKey("acme");
        try (TestServer server = tenants.start()) {
            HttpResponse<String> response = new KeyedClient(server, key).get("/v1/models");
            unauthorized(response, "expired");
            assertThat(response.body()).contains("expired on ").contains(Tenants.idOf(key));
            assertThat(new KeyedClient(server, key + "x").get("/v1/models").body())
                    .doesNotContain("expired");
        }
    }

    @Test
    void the_key_alone_decides_who_asks_whatever_the_request_says() throws Exception {
        String acme = tenants.key("acme");
        String umbrella = tenants.key("umbrella");
        String admin = tenants.adminKey();
        tenants.policy("{tenants: {acme: {class: batch}, umbrella: {class: interactive}}}");
        try (TestServer server = tenants.start()) {
            String body = prompting("hello")
                    + ",\"user\":\"umbrella\",\"tenant\":\"umbrella\",\"priority\":0,\"cache_salt\":\"umbrella\"";
            String[] forged = {
                "x-request-id", "one",
                "x-tenant", "umbrella",
                "x-sluice-tenant", "umbrella",
                "x-sluice-key", umbrella.substring(0, 20),
                "x-forwarded-user", "umbrella",
                "x-llm-d-inference-fairness-id", "umbrella",
                "OpenAI-Organization", "umbrella"
            };
            assertThat(new KeyedClient(server, acme).complete(body, forged).statusCode())
                    .isEqualTo(200);
            assertThat(new KeyedClient(server, umbrella)
                            .complete(body, "x-request-id", "two", "x-sluice-tenant", "acme")
                            .statusCode())
                    .isEqualTo(200);

            KeyedClient operator = new KeyedClient(server, admin);
            Map<String, Object> one = operator.adminJson("/admin/requests/one");
            assertThat(one)
                    .containsEntry("tenant", "acme")
                    .containsEntry("class", "batch")
                    .containsEntry("key", Tenants.idOf(acme));
            assertThat(operator.adminJson("/admin/requests/two"))
                    .containsEntry("tenant", "umbrella")
                    .containsEntry("class", "interactive")
                    .containsEntry("key", Tenants.idOf(umbrella));
            String metrics = operator.get("/metrics").body();
            assertThat(metrics)
                    .contains("sluice_tenant_requests_admitted_total{model=\"test-model\",tenant=\"acme\"} 1.0")
                    .contains("sluice_tenant_requests_admitted_total{model=\"test-model\",tenant=\"umbrella\"} 1.0");
        }
    }

    @Test
    void no_tenant_finds_another_ones_prompts_in_the_cache() throws Exception {
        String acme = tenants.key("acme");
        String alsoAcme = tenants.key("acme");
        String umbrella = tenants.key("umbrella");
        try (TestServer server = tenants.start()) {
            String prompt = "\"prompt\":\"" + "a long beginning, ".repeat(20) + "→x\",\"cache_salt\":\"same\"";
            assertThat(cachedTokens(server, acme, prompt)).isZero();
            assertThat(cachedTokens(server, umbrella, prompt)).isZero();
            assertThat(cachedTokens(server, alsoAcme, prompt)).isPositive();
            assertThat(cachedTokens(server, umbrella, prompt)).isPositive();
        }
    }

    private static long cachedTokens(TestServer server, String key, String fields) throws Exception {
        Map<String, Object> answer =
                json(new KeyedClient(server, key).complete(fields).body());
        return at(answer, "usage.prompt_tokens_details.cached_tokens") instanceof Long cached ? cached : -1;
    }

    @Test
    void a_key_for_administration_alone_makes_no_text_and_a_tenants_key_opens_no_admin_route() throws Exception {
        String admin = tenants.adminKey();
        String acme = tenants.key("acme");
        try (TestServer server = tenants.start()) {
            HttpResponse<String> refused = new KeyedClient(server, admin).complete(prompting("x"));
            assertThat(refused.statusCode()).isEqualTo(403);
            assertThat(at(json(refused.body()), "error.code")).isEqualTo("key_without_tenant");
            assertThat(new KeyedClient(server, admin).get("/v1/models").statusCode())
                    .isEqualTo(200);
            for (String path : List.of(
                    "/admin/policy",
                    "/admin/requests",
                    "/admin/requests/x",
                    "/admin/queue",
                    "/admin/nothing",
                    "/",
                    "/livez")) {
                HttpResponse<String> ofTenant = new KeyedClient(server, acme).adminGet(path);
                assertThat(ofTenant.statusCode()).as(path).isEqualTo(403);
                assertThat(at(json(ofTenant.body()), "error.code")).isEqualTo("not_an_admin_key");
                unauthorized(new KeyedClient(server, "").adminGet(path), path);
            }
            unauthorized(new KeyedClient(server, "").adminPost("/admin/policy/reload", ""), "reload");
            assertThat(new KeyedClient(server, acme)
                            .adminPost("/admin/policy/reload", "")
                            .statusCode())
                    .isEqualTo(403);
            assertThat(new KeyedClient(server, admin).adminGet("/admin/policy").statusCode())
                    .isEqualTo(200);
            assertThat(new KeyedClient(server, admin).adminGet("/admin/nothing").statusCode())
                    .isEqualTo(404);
            assertThat(new KeyedClient(server, admin)
                            .adminGet("/admin/policy/reload")
                            .statusCode())
                    .isEqualTo(405);
            // The admin routes are on their own port alone.
            assertThat(new KeyedClient(server, admin).get("/admin/policy").statusCode())
                    .isEqualTo(404);
        }
    }

    @Test
    void a_tenants_key_reads_the_totals_an_admin_key_also_the_tenants_figures() throws Exception {
        String acme = tenants.key("acme");
        String admin = tenants.adminKey();
        try (TestServer server = tenants.start()) {
            new KeyedClient(server, acme).complete(prompting("x"));
            assertThat(new KeyedClient(server, acme).get("/metrics").body())
                    .contains("sluice_requests_admitted_total")
                    .doesNotContain("sluice_tenant_");
            assertThat(new KeyedClient(server, admin).get("/metrics").body())
                    .contains("sluice_requests_admitted_total")
                    .contains("tenant=\"acme\"");
        }
    }

    @Test
    void metrics_can_be_opened_and_nothing_else_with_them() throws Exception {
        tenants.key("acme");
        try (TestServer server = tenants.with("metrics-open", "true").start()) {
            assertThat(server.get("/metrics").statusCode()).isEqualTo(200);
            assertThat(server.get("/metrics").body()).contains("sluice_tenant_");
            unauthorized(server.get("/v1/models"), "/v1/models");
            unauthorized(new KeyedClient(server, "").adminGet("/metrics"), "the admin port");
        }
    }

    @Test
    void where_nobody_needs_a_key_everybody_is_anonymous_and_any_key_will_do() throws Exception {
        try (TestServer server = TestServer.start()) {
            KeyedClient client = new KeyedClient(server, "unused");
            assertThat(client.complete(prompting("x"), "x-request-id", "it").statusCode())
                    .isEqualTo(200);
            assertThat(new KeyedClient(server, "").adminJson("/admin/requests/it"))
                    .containsEntry("tenant", "anonymous")
                    .doesNotContainKey("key");
        }
    }

    private static HttpResponse<String> models(TestServer server, String... headers) throws Exception {
        return server.client.send(
                HttpRequest.newBuilder(server.uri("/v1/models"))
                        .headers(headers)
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static void unauthorized(HttpResponse<String> response, String what) {
        assertThat(response.statusCode()).as(what).isEqualTo(401);
        assertThat(response.headers().firstValue("www-authenticate")).as(what).contains("Bearer");
        assertThat(response.headers().firstValue("x-should-retry")).as(what).contains("false");
        assertThat(response.headers().firstValue("x-request-id")).as(what).isPresent();
        assertThat(at(json(response.body()), "error.code")).as(what).isEqualTo("invalid_api_key");
        assertThat(at(json(response.body()), "error.type")).as(what).isEqualTo("invalid_request_error");
    }
}

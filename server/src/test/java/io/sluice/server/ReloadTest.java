package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.server.settings.SettingsException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Policy and keys change while the server runs: all of it or nothing, and never what was promised already.
class ReloadTest {
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
    void a_new_policy_holds_for_the_next_request() throws Exception {
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, acme);
            KeyedClient operator = new KeyedClient(server, admin);
            assertThat(client.complete(prompting("x"), "x-request-id", "before").statusCode())
                    .isEqualTo(200);
            tenants.policy("{tenants: {acme: {class: batch, requests-per-minute: 1}}}");
            Map<String, Object> outcome =
                    json(operator.adminPost("/admin/policy/reload", "").body());
            assertThat(outcome).containsEntry("applied", true).containsEntry("changes_total", 1L);
            assertThat(at(outcome, "changes.0.path")).isEqualTo("policy.tenants.acme");
            assertThat(client.complete(prompting("x"), "x-request-id", "after").statusCode())
                    .isEqualTo(200);
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(429);
            assertThat(operator.adminJson("/admin/requests/before")).containsEntry("class", "standard");
            assertThat(operator.adminJson("/admin/requests/after")).containsEntry("class", "batch");
        }
    }

    @Test
    void a_misspelt_dry_run_puts_nothing_in_force() throws Exception {
        tenants.policy("{tenants: {acme: {weight: 2}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient operator = new KeyedClient(server, admin);
            tenants.policy("{tenants: {acme: {weight: 3}}}");
            var refused = operator.adminPost("/admin/policy/reload?dryrun=true", "");
            assertThat(refused.statusCode()).isEqualTo(400);
            assertThat(refused.body()).contains("dryrun", "dry_run=true");
            var still = operator.adminPost("/admin/policy/reload?dry_run=true", "");
            assertThat(still.body()).contains("weight");
        }
    }

    @Test
    void a_dry_run_lists_exactly_what_would_change_and_changes_nothing() throws Exception {
        tenants.policy("{tenants: {acme: {weight: 2, deadline: 1m}, gone: {}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient operator = new KeyedClient(server, admin);
            tenants.file(
                    "port: 8001\nmax-num-seqs: 64\npolicy: {tenants: {acme: {weight: 3}, fresh: {class: batch}}}\n");
            String umbrella = tenants.key("umbrella");
            tenants.revoke(acme);
            Map<String, Object> outcome = json(
                    operator.adminPost("/admin/policy/reload?dry_run=true", "").body());
            assertThat(changes(outcome, "changes"))
                    .hasSize(6)
                    .contains(
                            "policy.tenants.acme.weight: 2 -> 3",
                            "policy.tenants.acme.deadline: 60s -> null",
                            "policy.tenants.fresh: null -> {class: batch, weight: 1, kv-floor: 0, kv-ceiling: 1}",
                            "policy.tenants.gone: {class: standard, weight: 1, kv-floor: 0, kv-ceiling: 1} -> null");
            assertThat(changes(outcome, "changes"))
                    .anyMatch(line -> line.startsWith("keys." + Tenants.idOf(umbrella) + ": null -> {tenant: umbrella"))
                    .anyMatch(line -> line.startsWith("keys." + Tenants.idOf(acme) + ": {tenant: acme"));
            assertThat(list(outcome, "revoked_keys")).hasSize(1).allMatch(Tenants.idOf(acme)::equals);
            assertThat(changes(outcome, "needs_restart"))
                    .containsExactlyInAnyOrder("port: 8000 -> 8001", "max-num-seqs: auto -> 64");
            assertThat(outcome).containsEntry("applied", false).containsEntry("ended_requests", 0L);

            assertThat(new KeyedClient(server, acme).complete(prompting("x")).statusCode())
                    .isEqualTo(200);
            assertThat(new KeyedClient(server, umbrella)
                            .complete(prompting("x"))
                            .statusCode())
                    .isEqualTo(401);
            assertThat(at(operator.adminJson("/admin/policy"), "tenants.acme.weight"))
                    .isEqualTo("2");
            // The same list, and then nothing is left to change.
            Map<String, Object> applied =
                    json(operator.adminPost("/admin/policy/reload", "").body());
            assertThat(applied.get("changes")).isEqualTo(outcome.get("changes"));
            assertThat(json(operator.adminPost("/admin/policy/reload?dry_run=true", "")
                                    .body())
                            .get("changes_total"))
                    .isEqualTo(0L);
            assertThat(new KeyedClient(server, umbrella)
                            .complete(prompting("x"))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(new KeyedClient(server, acme).complete(prompting("x")).statusCode())
                    .isEqualTo(401);
        }
    }

    @Test
    void a_file_that_was_not_put_in_place_yet_can_be_tried() throws Exception {
        try (TestServer server = tenants.start()) {
            KeyedClient operator = new KeyedClient(server, admin);
            String other = "policy: {default-tenant: {weight: 7}}\n";
            Map<String, Object> outcome = json(operator.adminPost("/admin/policy/reload?dry_run=true", other)
                    .body());
            assertThat(changes(outcome, "changes")).containsExactly("policy.default-tenant.weight: 1 -> 7");
            HttpResponse<String> notDry = operator.adminPost("/admin/policy/reload", other);
            assertThat(notDry.statusCode()).isEqualTo(400);
            assertThat(notDry.body()).contains("Only a dry run takes a policy as its body");
            HttpResponse<String> wrong =
                    operator.adminPost("/admin/policy/reload?dry_run=true", "policy:\n  tenant: {}\n");
            assertThat(wrong.body())
                    .contains("the request's body:2: policy has no field")
                    .contains("tenants?");
            assertThat(operator.adminPost("/admin/policy/reload?dry_run=maybe", "")
                            .statusCode())
                    .isEqualTo(400);
        }
    }

    @Test
    void a_file_that_cannot_be_changes_nothing_and_says_why() throws Exception {
        tenants.policy("{tenants: {acme: {class: batch}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient operator = new KeyedClient(server, admin);
            String good = Files.readString(tenants.keys);
            List<Runnable> mistakes = List.of(
                    () -> tenants.policy("{tenants: {acme: {weight: 0}}}"),
                    () -> tenants.policy("{tenants: {acme: {class: nope}}}"),
                    () -> tenants.policy("{tenants: "),
                    () -> tenants.file("prot: 1\n"),
                    () -> tenants.file("port: x\n"),
                    () -> tenants.policy("{shared-prefixes: {p: {system: '', tenants: all}}}"));
            for (Runnable mistake : mistakes) {
                mistake.run();
                HttpResponse<String> response = operator.adminPost("/admin/policy/reload", "");
                assertThat(response.statusCode()).isEqualTo(400);
                assertThat(at(json(response.body()), "error.code")).isEqualTo("invalid_policy");
                assertThat((String) at(json(response.body()), "error.message")).contains("sluice.yaml:");
                assertThat(operator.adminPost("/admin/policy/reload?dry_run=true", "")
                                .body())
                        .contains(response.body().substring(0, 60));
                server.tenancy.reload().reloadOnSignal();
            }
            tenants.policy("{tenants: {acme: {class: interactive}}}");
            Files.writeString(tenants.keys, good + "nonsense\n");
            assertThat(operator.adminPost("/admin/policy/reload", "").body()).contains("unknown \\\"nonsense\\\"");
            Files.delete(tenants.keys);
            assertThat(operator.adminPost("/admin/policy/reload", "").body())
                    .contains("there is no such file of API keys");
            assertThat(new KeyedClient(server, acme)
                            .complete(prompting("x"), "x-request-id", "still")
                            .statusCode())
                    .isEqualTo(200);
            assertThat(operator.adminJson("/admin/requests/still")).containsEntry("class", "batch");
        }
    }

    @Test
    void a_key_file_that_was_emptied_locks_nobody_out_and_one_whose_keys_were_revoked_does() throws Exception {
        try (TestServer server = tenants.start()) {
            KeyedClient operator = new KeyedClient(server, admin);
            String keys = Files.readString(tenants.keys);
            Files.writeString(tenants.keys, "");
            HttpResponse<String> refused = operator.adminPost("/admin/policy/reload", "");
            assertThat(refused.statusCode()).isEqualTo(400);
            assertThat(refused.body()).contains("the file is empty").contains("sluice keys revoke");
            server.tenancy.reload().reloadOnSignal();
            assertThat(new KeyedClient(server, acme).complete(prompting("x")).statusCode())
                    .isEqualTo(200);
            Files.writeString(tenants.keys, keys);
            tenants.revoke(acme);
            tenants.revoke(admin);
            assertThat(operator.adminPost("/admin/policy/reload", "").statusCode())
                    .isEqualTo(200);
            assertThat(new KeyedClient(server, acme).complete(prompting("x")).statusCode())
                    .isEqualTo(401);
        }
    }

    @Test
    void the_streams_of_a_revoked_key_end_with_an_error_and_others_go_on() throws Exception {
        String sameTenant = tenants.key("acme");
        try (TestServer server = tenants.start();
                RawClient revoked = new RawClient(server);
                RawClient kept = new RawClient(server)) {
            server.gate.close();
            stream(revoked, acme);
            stream(kept, sameTenant);
            TestServer.await("both to be admitted", () -> admitted(server) == 2);
            TestServer.await("tokens to flow", () -> {
                server.gate.allow(1);
                return server.engine.stats().work().sampledTokens() > 4;
            });
            revoked.readUntil("\"text\":\"");
            tenants.revoke(acme);
            Map<String, Object> outcome = json(new KeyedClient(server, admin)
                    .adminPost("/admin/policy/reload", "")
                    .body());
            assertThat(outcome).containsEntry("ended_requests", 1L);
            server.gate.allow(2); // the step under way, and one more to be sure of
            String end = revoked.readUntil("\r\n0\r\n\r\n");
            assertThat(end)
                    .contains("event: error\ndata: {\"error\":{")
                    .contains("\"code\":\"key_revoked\"")
                    .doesNotContain("[DONE]")
                    .doesNotContain("finish_reason\":\"stop")
                    .doesNotContain("finish_reason\":\"length");
            server.gate.open();
            assertThat(kept.readUntil("[DONE]")).doesNotContain("error");
            assertThat(new KeyedClient(server, acme).get("/v1/models").statusCode())
                    .isEqualTo(401);
            TestServer.await(
                    "its blocks to be free",
                    () -> server.engine.stats().blocks().used() == 0);
        }
    }

    @Test
    void a_request_of_a_revoked_key_that_waits_or_is_not_streamed_is_401() throws Exception {
        try (TestServer server = TestServer.start(
                TestServer.Options.usual().withSource(tenants.source()).withSequencesMax(1))) {
            server.gate.close();
            KeyedClient client = new KeyedClient(server, acme);
            var running = client.completeAsync(prompting("a long answer"));
            TestServer.await("it to run", () -> admitted(server) == 1);
            var waiting = client.completeAsync(prompting("b") + ",\"stream\":true");
            TestServer.await("the other to wait", () -> admitted(server) == 2);
            tenants.revoke(acme);
            server.tenancy.reload().reloadOnSignal();
            server.gate.open();
            for (var answer : List.of(running, waiting)) {
                assertThat(answer.get().statusCode()).as(answer.get().body()).isEqualTo(401);
                assertThat(at(json(answer.get().body()), "error.code")).isEqualTo("key_revoked");
                assertThat(answer.get().headers().firstValue("x-should-retry")).contains("false");
            }
        }
    }

    @Test
    void a_million_tenants_are_served_and_reloaded_as_few_are() throws Exception {
        StringBuilder policy = new StringBuilder("policy:\n  tenants:\n");
        for (int i = 0; i < 1_000_000; i++) policy.append("    t").append(i).append(": {class: batch}\n");
        tenants.file(policy.append("    acme: {class: interactive}\n").toString());
        String last = tenants.key("t999999");
        try (TestServer server = tenants.start()) {
            KeyedClient operator = new KeyedClient(server, admin);
            assertThat(new KeyedClient(server, last)
                            .complete(prompting("x"), "x-request-id", "of-the-last")
                            .statusCode())
                    .isEqualTo(200);
            assertThat(operator.adminJson("/admin/requests/of-the-last")).containsEntry("class", "batch");
            assertThat(at(operator.adminJson("/admin/policy?limit=2"), "tenants_total"))
                    .isEqualTo(1_000_001L);
            tenants.file(policy.append("    fresh: {class: standard}\n").toString());
            Map<String, Object> outcome =
                    json(operator.adminPost("/admin/policy/reload", "").body());
            assertThat(changes(outcome, "changes"))
                    .containsExactly(
                            "policy.tenants.fresh: null -> {class: standard, weight: 1, kv-floor: 0, kv-ceiling: 1}");
        }
    }

    @Test
    void a_shared_prefix_that_the_model_cannot_have_is_refused_at_the_start() {
        tenants.policy("{shared-prefixes: {p: {text-file: /nowhere/p.txt, tenants: all}}}");
        assertThatThrownBy(tenants::start)
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("policy.shared-prefixes.p text-file cannot be read");
    }

    private static void stream(RawClient client, String key) throws Exception {
        String body = "{\"prompt\":\"abc\",\"max_tokens\":400,\"stream\":true}";
        client.sendHead(
                "POST /v1/completions HTTP/1.1",
                "Host: localhost",
                "x-api-key: " + key,
                "Content-Length: " + body.length());
        client.send(body);
    }

    private static long admitted(TestServer server) {
        return server.tenancy.intake().log().live().stream()
                .filter(record -> !record.parts().isEmpty())
                .count();
    }

    private static List<String> changes(Map<String, Object> outcome, String name) {
        return list(outcome, name).stream()
                .map(change -> ((Map<?, ?>) change).get("path") + ": " + ((Map<?, ?>) change).get("from") + " -> "
                        + ((Map<?, ?>) change).get("to"))
                .toList();
    }
}

package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Somebody asks whether a victim's prompts are in the cache, by how long their own take to the first token. The device
/// has a clock of its own, which moves by what its steps compute and by nothing else: the attacker sees through all
/// noise. The same attack by the clock on the wall is `.ci/checks/timing_attack.py`.
class TimingAttackTest {
    private static final int TRIALS = 60; // of each kind

    /// As good as guessing; the bound that is promised.
    private static final double BLIND = 0.55;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String victim;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        victim = tenants.key("victim");
    }

    @Test
    void another_tenants_hits_and_misses_look_alike_whatever_it_sends() throws Exception {
        String attacker = tenants.key("attacker");
        try (TestServer server = tenants.start()) {
            assertThat(auc(server, attacker, "")).isBetween(1 - BLIND, BLIND);
            // Nothing in the body is taken for identity or salt.
            for (String forged : List.of(
                    ",\"user\":\"victim\"",
                    ",\"cache_salt\":\"victim\"",
                    ",\"tenant\":\"victim\"",
                    ",\"metadata\":{\"tenant\":\"victim\"}")) {
                assertThat(auc(server, attacker, forged)).as(forged).isBetween(1 - BLIND, BLIND);
            }
        }
    }

    @Test
    void the_same_attack_tells_hits_from_misses_where_prompts_are_shared() throws Exception {
        String sibling = tenants.key("victim");
        try (TestServer server = tenants.start()) {
            assertThat(auc(server, sibling, "")).as("another key of the tenant").isEqualTo(1);
        }
    }

    @Test
    void of_a_prefix_that_the_operator_shares_its_use_can_be_seen_and_nothing_behind_it() throws Exception {
        String attacker = tenants.key("attacker");
        String handbook = "the handbook of this company says that";
        tenants.policy("{shared-prefixes: {handbook: {text: '" + handbook + "', tenants: all}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, attacker);
            long unused = firstTokenNs(server, client, body(handbook + " x", ""));
            complete(server, victim, handbook + " y");
            complete(server, victim, handbook + " and something else: " + "z".repeat(50));
            long used = firstTokenNs(server, client, body(handbook + " x", ""));
            assertThat(used).isLessThan(unused);
            String secret = handbook + "s".repeat(64);
            String other = handbook + "t".repeat(64);
            complete(server, victim, secret);
            assertThat(firstTokenNs(server, client, body(secret, "")))
                    .isEqualTo(firstTokenNs(server, client, body(other, "")));
        }
    }

    /// How well times tell hits from misses: the part of pairs in which the miss takes longer, a tie counting half. The
    /// victim sends a prompt in every trial, only not always the one that is tried.
    private double auc(TestServer server, String attacker, String forged) throws Exception {
        KeyedClient client = new KeyedClient(server, attacker);
        Random random = new Random(7);
        List<Long> hits = new ArrayList<>();
        List<Long> misses = new ArrayList<>();
        while (hits.size() < TRIALS || misses.size() < TRIALS) {
            String secret = prompt(random);
            boolean cached = hits.size() >= TRIALS ? false : misses.size() >= TRIALS || random.nextBoolean();
            complete(server, victim, cached ? secret : prompt(random));
            (cached ? hits : misses).add(firstTokenNs(server, client, body(secret, forged)));
        }
        double longer = 0;
        for (long miss : misses) {
            for (long hit : hits) longer += miss > hit ? 1 : miss == hit ? 0.5 : 0;
        }
        return longer / hits.size() / misses.size();
    }

    /// Of one length, four blocks: only what is computed makes a difference.
    private static String prompt(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 70; i++) text.append((char) ('a' + random.nextInt(26)));
        return text.toString();
    }

    private static String body(String prompt, String more) {
        return "\"prompt\":\"" + prompt + "\",\"max_tokens\":1" + more;
    }

    private static void complete(TestServer server, String key, String prompt) throws Exception {
        HttpResponse<String> response = new KeyedClient(server, key).complete(body(prompt, ""));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    }

    /// On the device's clock. Nobody else is served meanwhile.
    private static long firstTokenNs(TestServer server, KeyedClient client, String body) throws Exception {
        TestServer.await("the server to be idle", () -> server.engine.stats().running() == 0);
        long before = server.gate.deviceNs();
        HttpResponse<String> response = client.complete(body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(at(json(response.body()), "usage.completion_tokens")).isEqualTo(1L);
        return server.gate.deviceNs() - before;
    }
}

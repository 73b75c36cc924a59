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

/// What a request's body may say of how it is served and remembered.
class BodyWishesTest {
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
        Tenants tenants = new Tenants(folder).policy("{tenants: {acme: {class: standard}}}");
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

    @ParameterizedTest
    @CsvSource({
        "auto, standard, default",
        "default, standard, default",
        "priority, standard, default",
        "flex, batch, flex",
        "batch, batch, batch",
        "standard, standard, standard"
    })
    void a_service_tier_is_a_class_that_goes_no_earlier(String tier, String served, String told) throws Exception {
        HttpResponse<String> response = client.complete(prompting("x") + ",\"service_tier\":\"" + tier + "\"");
        Map<String, Object> answer = json(response.body());
        assertThat(answer).containsEntry("service_tier", told);
        assertThat(recorded(answer)).containsEntry("class", served);
    }

    @Test
    void a_service_tier_above_the_tenants_class_is_forbidden() throws Exception {
        HttpResponse<String> response = client.complete(prompting("x") + ",\"service_tier\":\"interactive\"");
        assertThat(response.statusCode()).isEqualTo(403);
        assertThat(at(json(response.body()), "error.param")).isEqualTo("service_tier");
        assertThat(at(json(response.body()), "error.code")).isEqualTo("class_not_allowed");
    }

    @Test
    void without_a_service_tier_the_answer_names_none() throws Exception {
        assertThat(client.complete(prompting("x")).body()).doesNotContain("service_tier");
    }

    @Test
    void user_and_metadata_are_remembered_and_change_nothing() throws Exception {
        String labels = ",\"user\":\"ann\",\"metadata\":{\"job\":\"nightly\",\"long\":\"" + "x".repeat(500) + "\"}";
        Map<String, Object> answer =
                json(client.complete(prompting("x") + labels).body());
        Map<String, Object> request = recorded(answer);
        assertThat(request).containsEntry("user", "ann");
        assertThat(at(request, "metadata.job")).isEqualTo("nightly");
        assertThat((String) at(request, "metadata.long")).hasSize(64).endsWith("…");
        assertThat(answer.toString()).doesNotContain("nightly").doesNotContain("ann");
    }

    @Test
    void too_much_metadata_is_refused() throws Exception {
        HttpResponse<String> response =
                client.complete(prompting("x") + ",\"metadata\":{\"a\":\"" + "x".repeat(513) + "\"}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo("metadata");
    }

    @Test
    void a_cache_salt_shares_blocks_only_with_its_like() throws Exception {
        String prompt = "\"prompt\":\"" + "long enough for several blocks. ".repeat(4) + "\",\"max_tokens\":1";
        cached(prompt);
        assertThat(cached(prompt)).isPositive();
        assertThat(cached(prompt + ",\"cache_salt\":\"a\"")).isZero();
        assertThat(cached(prompt + ",\"cache_salt\":\"a\"")).isPositive();
        assertThat(cached(prompt + ",\"cache_salt\":\"b\"")).isZero();
    }

    private long cached(String fields) throws Exception {
        Object cached = at(json(client.complete(fields).body()), "usage.prompt_tokens_details.cached_tokens");
        return cached instanceof Long count ? count : -1;
    }

    private Map<String, Object> recorded(Map<String, Object> answer) throws Exception {
        return operator.adminJson("/admin/requests/" + answer.get("id"));
    }
}

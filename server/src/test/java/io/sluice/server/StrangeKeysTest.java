package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever is sent in a key's place is one of three things: the key, a 401, or broken HTTP.
class StrangeKeysTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String key;

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        key = tenants.key("acme");
    }

    @Test
    void what_is_no_key_is_401_in_the_usual_shape() throws Exception {
        String id = Tenants.idOf(key);
        try (TestServer server = tenants.start()) {
            for (String sent : List.of(
                    "x",
                    "-",
                    "---",
                    "sk-sluice-",
                    "sk-sluice--",
                    "sk-sluice-" + id,
                    "sk-sluice-" + id + "-",
                    key.substring(0, key.length() - 1),
                    key + "x",
                    key + "-",
                    key.toUpperCase(Locale.ROOT),
                    "sk-sluice-" + id + "-" + "A".repeat(4000),
                    key.replace("sk-", "sk_"),
                    "\"" + key + "\"",
                    "../../etc/passwd",
                    "%00" + key,
                    "' OR 1=1 --",
                    "${jndi:ldap://x}",
                    "k\u00e9y",
                    "\u26bf\u26bf",
                    "*")) {
                for (String header : List.of("x-api-key: ", "Authorization: Bearer ", "Authorization: bearer  ")) {
                    try (RawClient client = new RawClient(server)) {
                        String response = client.send(request(header + sent)).readResponse();
                        assertThat(response).as("%s%s", header, sent).startsWith("HTTP/1.1 401");
                        Map<String, Object> body = json(response.substring(response.indexOf("\n\n") + 2));
                        assertThat(at(body, "error.code")).isEqualTo("invalid_api_key");
                        assertThat(response).doesNotContain("passwd").doesNotContain("jndi");
                    }
                }
            }
            assertThat(server.tenancy.intake().log().newest(100)).isEmpty();
            assertThat(new KeyedClient(server, key).complete(prompting("x")).statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void what_no_header_may_hold_ends_the_connection_or_is_400_or_401_and_never_more() throws Exception {
        try (TestServer server = tenants.start()) {
            for (byte[] sent : List.of(
                    new byte[] {0},
                    new byte[] {7, 27, '[', '2', 'J'},
                    new byte[] {(byte) 0xFF, (byte) 0xFE},
                    new byte[] {(byte) 0xC3, '('},
                    new byte[] {'a', 127, 'b'},
                    "A".repeat(100_000).getBytes(StandardCharsets.US_ASCII))) {
                try (RawClient client = new RawClient(server)) {
                    client.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-api-key: ");
                    client.send(sent);
                    client.send("\r\n\r\n");
                    String response = client.readToTheBreak();
                    assertThat(response).matches(it -> it.isEmpty() || it.startsWith("HTTP/1.1 4"), "nothing, or 4xx");
                }
            }
            assertThat(new KeyedClient(server, key).get("/v1/models").statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void a_tenants_name_of_every_allowed_sign_is_the_same_everywhere() throws Exception {
        String name = "Az09._@-" + "x".repeat(56);
        String odd = tenants.key(name);
        String admin = tenants.adminKey();
        tenants.policy("{tenants: {'" + name + "': {class: interactive}}}");
        try (TestServer server = tenants.start()) {
            assertThat(new KeyedClient(server, odd)
                            .complete(prompting("x"), "x-request-id", "odd")
                            .statusCode())
                    .isEqualTo(200);
            KeyedClient operator = new KeyedClient(server, admin);
            assertThat(operator.adminJson("/admin/requests/odd"))
                    .containsEntry("tenant", name)
                    .containsEntry("class", "interactive");
            assertThat(operator.get("/metrics").body()).contains("tenant=\"" + name + "\"");
        }
    }

    private static String request(String header) {
        return "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n\r\n";
    }
}

package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.settings.SettingsSource;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Without keys, this machine's programs are answered, and web pages that its browser shows are not.
class LocalProgramsTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "evil.example",
                "evil.example:8000",
                "localhost.evil.example",
                "127.0.0.1.evil.example:8000",
                "evil.example#localhost",
                "localhost@evil.example",
                "192.168.0.7:8000",
                "[::2]:8000",
                "sluice"
            })
    void a_page_that_had_its_own_name_looked_up_reads_nothing(String host) throws Exception {
        try (TestServer server = TestServer.start()) {
            for (int port : new int[] {server.http.port(), server.admin.port()}) {
                assertThat(answer(port, "GET /admin/policy HTTP/1.1", "Host: " + host))
                        .matches("(?s)HTTP/1.1 40[03] .*")
                        .doesNotContain("tenants");
            }
            assertThat(answer(server.http.port(), "GET /v1/models HTTP/1.1", "Host: evil.example:8000"))
                    .startsWith("HTTP/1.1 403")
                    .contains("\"code\":\"foreign_host\"", "\"param\":\"Host\"", "--api-keys-file");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://evil.example",
                "http://localhost.evil.example:8000",
                "null",
                "",
                "file://",
                "http://localhost@evil.example",
                "chrome-extension://localhost"
            })
    void another_sites_page_changes_nothing(String origin) throws Exception {
        try (TestServer server = TestServer.start()) {
            String response = answer(
                    server.admin.port(),
                    "POST /admin/policy/reload HTTP/1.1",
                    "Host: 127.0.0.1:" + server.admin.port(),
                    "Content-Type: text/plain",
                    "Content-Length: 0",
                    "Origin: " + origin);
            assertThat(response)
                    .startsWith("HTTP/1.1 403")
                    .contains("\"code\":\"foreign_origin\"", "\"param\":\"Origin\"", "another site");
            assertThat(answer(
                            server.http.port(),
                            "POST /v1/completions HTTP/1.1",
                            "Host: localhost",
                            "Content-Length: 0",
                            "Origin: " + origin))
                    .startsWith("HTTP/1.1 403");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000", "127.0.0.2:80"
            })
    void this_machines_programs_and_pages_are_answered(String host) throws Exception {
        try (TestServer server = TestServer.start()) {
            assertThat(answer(server.http.port(), "GET /v1/models HTTP/1.1", "Host: " + host))
                    .startsWith("HTTP/1.1 200");
            assertThat(answer(
                            server.admin.port(),
                            "GET /admin/policy HTTP/1.1",
                            "Host: " + host,
                            "Origin: http://" + host))
                    .startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void probes_are_for_whoever_asks() throws Exception {
        try (TestServer server = TestServer.start()) {
            assertThat(answer(server.http.port(), "GET /readyz HTTP/1.1", "Host: sluice"))
                    .startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void a_server_with_keys_goes_by_them_alone() throws Exception {
        Tenants tenants = new Tenants(folder);
        String key = tenants.key("acme");
        try (TestServer server = tenants.start()) {
            String[] head = {
                "GET /v1/models HTTP/1.1", "Host: api.example", "Origin: https://app.example", "x-api-key: " + key
            };
            assertThat(answer(server.http.port(), head)).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void a_server_that_is_open_to_everybody_has_any_name_but_its_admin_port_has_not() throws Exception {
        SettingsSource open =
                new SettingsSource(Map.of("allow-anonymous", "true", "host", "0.0.0.0"), Optional.empty(), Map.of());
        try (TestServer server = TestServer.start(TestServer.Options.usual().withSource(open))) {
            String[] head = {"GET /v1/models HTTP/1.1", "Host: api.example", "Origin: https://app.example"};
            assertThat(answer(server.http.port(), head)).startsWith("HTTP/1.1 200");
            assertThat(answer(server.admin.port(), "GET /admin/policy HTTP/1.1", "Host: api.example"))
                    .startsWith("HTTP/1.1 403");
        }
    }

    private static String answer(int port, String... head) throws Exception {
        try (RawClient client = RawClient.to(port)) {
            return client.sendHead(head).readResponse();
        }
    }
}

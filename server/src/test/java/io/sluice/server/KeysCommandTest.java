package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.CommandLineTest.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The commands with which operators make keys and look at policies, against a running server.
class KeysCommandTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void a_key_that_was_made_opens_the_server_and_one_that_was_revoked_does_not() throws Exception {
        Tenants tenants = new Tenants(folder);
        String file = tenants.keys.toString();
        Outcome made = CommandLineTest.run("keys", "create", "--tenant", "acme", "--file", file, "--expires", "90d");
        assertThat(made.exitCode()).as(made.err()).isZero();
        String secret = made.out().strip();
        assertThat(made.out()).as("the secret alone, for scripts").isEqualTo(secret + System.lineSeparator());
        assertThat(secret).startsWith("sk-sluice-");
        assertThat(made.err()).contains(Tenants.idOf(secret), file, "next reload");
        String admin = CommandLineTest.run("keys", "create", "--admin", "--file", file)
                .out()
                .strip();
        try (TestServer server = tenants.start()) {
            assertThat(new KeyedClient(server, secret).get("/v1/models").statusCode())
                    .isEqualTo(200);
            assertThat(new KeyedClient(server, admin).adminGet("/admin/queue").statusCode())
                    .isEqualTo(200);
            Outcome chat = CommandLineTest.run(
                    "chat", "--key", secret + "x", "--url", server.uri("").toString());
            assertThat(chat.exitCode()).isEqualTo(1);
            assertThat(chat.err()).contains("The API key is not known here");

            Outcome revoked = CommandLineTest.run("keys", "revoke", Tenants.idOf(secret), "--file", file);
            assertThat(revoked.exitCode()).as(revoked.err()).isZero();
            assertThat(new KeyedClient(server, secret).get("/v1/models").statusCode())
                    .isEqualTo(200);
            server.tenancy.reload().reload();
            assertThat(new KeyedClient(server, secret).get("/v1/models").statusCode())
                    .isEqualTo(401);
        }
        Outcome again = CommandLineTest.run("keys", "revoke", Tenants.idOf(secret), "--file", file);
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.err()).contains("there is no key with the id " + Tenants.idOf(secret));
    }

    @Test
    void the_list_shows_everything_but_secrets() throws Exception {
        String file = folder.resolve("keys").toString();
        String acme = CommandLineTest.run(
                        "keys", "create", "--tenant", "acme", "--file", file, "--requests-per-minute", "60")
                .out()
                .strip();
        String admin = CommandLineTest.run("keys", "create", "--admin", "--file", file)
                .out()
                .strip();
        Outcome list = CommandLineTest.run("keys", "list", "--file", file);
        assertThat(list.exitCode()).isZero();
        assertThat(list.out().lines()).hasSize(2);
        assertThat(list.out())
                .contains(Tenants.idOf(acme) + "  tenant=acme  created=")
                .contains("requests-per-minute=60")
                .contains("admin=true")
                .doesNotContain("sha256")
                .doesNotContain(acme.substring(acme.lastIndexOf('-')))
                .doesNotContain(admin.substring(admin.lastIndexOf('-')));
    }

    @Test
    void the_file_is_the_one_that_the_servers_configuration_names() throws Exception {
        Path keys = folder.resolve("named.keys");
        Path config = Files.writeString(folder.resolve("sluice.yaml"), "api-keys-file: " + keys + "\n");
        Outcome made = CommandLineTest.run("keys", "create", "--tenant", "acme", "--config", config.toString());
        assertThat(made.exitCode()).as(made.err()).isZero();
        assertThat(Files.readString(keys)).contains("tenant=acme");
        assertThat(CommandLineTest.run("keys", "list", "--config", config.toString())
                        .out())
                .contains("tenant=acme");
    }

    @Test
    void a_policy_is_checked_and_compared_with_the_one_in_force() throws Exception {
        Tenants tenants = new Tenants(folder);
        String admin = tenants.adminKey();
        tenants.policy("{tenants: {acme: {weight: 2}}}");
        try (TestServer server = tenants.start()) {
            Path other = Files.writeString(
                    folder.resolve("other.yaml"),
                    "api-keys-file: " + tenants.keys + "\nmax-num-seqs: 64\npolicy: {tenants: {acme: {weight: 3}}}\n");
            String url = "http://127.0.0.1:" + server.admin.port();
            Outcome checked = CommandLineTest.run("policy", "check", "--config", other.toString());
            assertThat(checked.exitCode()).as(checked.err()).isZero();
            assertThat(checked.out()).contains("valid: 4 classes, 1 tenants, 0 shared prefixes, 1 keys");
            Outcome compared =
                    CommandLineTest.run("policy", "check", "--config", other.toString(), "--url", url, "--key", admin);
            assertThat(compared.exitCode()).as(compared.err()).isZero();
            assertThat(compared.out())
                    .contains("policy.tenants.acme.weight: 2 -> 3" + System.lineSeparator())
                    .contains("needs a restart, would not be applied: max-num-seqs: auto -> 64");
            assertThat(CommandLineTest.run(
                                    "policy",
                                    "check",
                                    "--config",
                                    tenants.config.toString(),
                                    "--url",
                                    url,
                                    "--key",
                                    admin)
                            .out())
                    .contains("A reload would change nothing");

            Outcome noKey =
                    CommandLineTest.run("policy", "check", "--config", other.toString(), "--url", url, "--key", "x");
            assertThat(noKey.exitCode()).isEqualTo(1);
            assertThat(noKey.err()).contains("refused: The API key is not known here.");
            Files.writeString(other, "policy: {tenants: {acme: {wieght: 3}}}\n");
            Outcome wrong = CommandLineTest.run("policy", "check", "--config", other.toString());
            assertThat(wrong.exitCode()).isEqualTo(1);
            assertThat(wrong.err())
                    .contains("other.yaml:1: policy.tenants.acme has no field \"wieght\" (did you mean weight?)");
        }
        Outcome nobody = CommandLineTest.run(
                "policy", "check", "--config", tenants.config.toString(), "--url", "http://127.0.0.1:9");
        assertThat(nobody.exitCode()).isEqualTo(1);
        assertThat(nobody.err()).contains("cannot be asked");
    }

    @Test
    void each_command_has_help_with_examples() {
        for (String command : new String[] {"keys", "policy"}) {
            Outcome outcome = CommandLineTest.run(command);
            assertThat(outcome.exitCode()).isZero();
            assertThat(outcome.out()).contains("Examples:");
        }
        assertThat(CommandLineTest.run("keys", "create", "--help").out()).contains("--expires");
        assertThat(CommandLineTest.run("policy", "check", "--help").out()).contains("--url");
    }
}

package io.sluice.server.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.settings.SettingsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KeysTest {
    private static final Instant NOW = Instant.parse("2026-11-24T12:00:00.123Z");
    private static final String HASH = "sha256:" + "ab".repeat(32);

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("keys");
    }

    @Test
    void a_new_key_is_found_by_its_secret_alone() throws IOException {
        KeySecret secret = new KeyStore(file).create(wish("acme"), NOW);
        KeyRing ring = KeyFile.read(file);
        assertThat(secret.text()).matches("sk-sluice-[a-z0-9]{10}-[A-Za-z0-9]{43}");
        assertThat(tenantOf(ring.check(secret.text(), NOW))).isEqualTo("acme");
        assertThat(Files.readString(file))
                .doesNotContain(secret.text().substring(secret.text().lastIndexOf('-') + 1));
        assertThat(secret.toString())
                .doesNotContain(secret.text().substring(secret.text().lastIndexOf('-') + 1));
        for (String wrong : new String[] {
            "",
            "x",
            "sk-sluice-",
            "sk-sluice--",
            "sk-sluice-" + secret.id(),
            "sk-sluice-" + secret.id() + "-",
            secret.text() + "x",
            secret.text().substring(0, secret.text().length() - 1),
            secret.text().replace(secret.id(), "0000000000"),
            "Bearer " + secret.text(),
            " " + secret.text()
        }) {
            assertThat(ring.check(wrong, NOW)).as(wrong).isInstanceOf(KeyRing.Check.Unknown.class);
        }
    }

    @Test
    void secrets_are_all_different_and_use_every_bit() {
        SecureRandom random = new SecureRandom();
        Set<String> secrets = new HashSet<>();
        Set<Character> last = new HashSet<>();
        for (int i = 0; i < 2000; i++) {
            String text = KeySecret.random(random).text();
            assertThat(secrets.add(text)).isTrue();
            last.add(text.charAt(text.length() - 1));
        }
        // The last digit is the highest: it takes what 42 digits cannot hold of 256 bits.
        assertThat(last).hasSizeGreaterThan(10);
    }

    @Test
    void everything_that_was_wished_is_in_the_file() {
        Instant expires = Instant.parse("2027-01-01T00:00:00Z");
        QuotaLimits limits = new QuotaLimits(60, 90_000, QuotaLimits.UNLIMITED);
        KeySecret secret = new KeyStore(file)
                .create(new KeyStore.Wish(Optional.of("acme"), Optional.of(expires), limits, true), NOW);
        ApiKey key = KeyFile.read(file).get(secret.id()).orElseThrow();
        assertThat(key.tenant()).contains("acme");
        assertThat(key.created()).isEqualTo(Instant.parse("2026-11-24T12:00:00Z"));
        assertThat(key.expires()).contains(expires);
        assertThat(key.limits()).isEqualTo(limits);
        assertThat(key.admin()).isTrue();
    }

    @Test
    void a_key_is_accepted_until_it_expires() {
        Instant expires = Instant.parse("2026-11-24T12:01:00Z");
        KeySecret secret = new KeyStore(file)
                .create(new KeyStore.Wish(Optional.of("acme"), Optional.of(expires), QuotaLimits.NONE, false), NOW);
        KeyRing ring = KeyFile.read(file);
        assertThat(ring.check(secret.text(), expires.minusMillis(1))).isInstanceOf(KeyRing.Check.Valid.class);
        assertThat(ring.check(secret.text(), expires)).isInstanceOf(KeyRing.Check.Expired.class);
        assertThat(ring.check(secret.text() + "x", expires)).isInstanceOf(KeyRing.Check.Unknown.class);
    }

    @Test
    void a_revoked_key_is_gone_and_the_rest_of_the_file_stays() throws IOException {
        KeyStore store = new KeyStore(file);
        KeySecret kept = store.create(wish("acme"), NOW);
        KeySecret gone = store.create(wish("umbrella"), NOW);
        Files.writeString(file, Files.readString(file) + "# a remark about id=" + gone.id() + "\n");
        store.revoke(gone.id(), NOW);
        KeyRing ring = KeyFile.read(file);
        assertThat(ring.check(kept.text(), NOW)).isInstanceOf(KeyRing.Check.Valid.class);
        assertThat(ring.check(gone.text(), NOW)).isInstanceOf(KeyRing.Check.Unknown.class);
        assertThat(Files.readString(file))
                .contains("# a remark about id=" + gone.id())
                .contains("# revoked 2026-11-24T12:00:00Z: id=" + gone.id() + " tenant=umbrella");
        assertThatThrownBy(() -> store.revoke(gone.id(), NOW))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("there is no key with the id " + gone.id());
    }

    @Test
    void a_ring_knows_which_keys_of_another_it_revokes() throws IOException {
        KeyStore store = new KeyStore(file);
        KeySecret secret = store.create(wish("acme"), NOW);
        ApiKey key = KeyFile.read(file).get(secret.id()).orElseThrow();
        assertThat(KeyFile.read(file).revokes(key)).isFalse();
        Files.writeString(file, Files.readString(file).replace("tenant=acme", "tenant=moved"));
        assertThat(KeyFile.read(file).revokes(key)).isFalse();
        store.revoke(secret.id(), NOW);
        assertThat(KeyFile.read(file).revokes(key)).isTrue();
    }

    @Test
    void only_its_owner_can_read_a_new_file_and_an_old_one_keeps_its_permissions() throws IOException {
        KeyStore store = new KeyStore(file);
        store.create(wish("acme"), NOW);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        store.create(wish("acme"), NOW);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-r-----");
    }

    @Test
    void a_link_is_followed_and_stays_a_link() throws IOException {
        Path real = folder.resolve("real");
        new KeyStore(real).create(wish("acme"), NOW);
        Files.createSymbolicLink(file, real);
        new KeyStore(file).create(wish("acme"), NOW);
        assertThat(Files.isSymbolicLink(file)).isTrue();
        assertThat(KeyFile.read(real).keys()).hasSize(2);
    }

    @Test
    void a_file_that_is_broken_or_not_there_is_not_touched() throws IOException {
        Files.writeString(file, "nonsense\n");
        assertThatThrownBy(() -> new KeyStore(file).create(wish("acme"), NOW)).isInstanceOf(SettingsException.class);
        assertThat(Files.readString(file)).isEqualTo("nonsense\n");
        assertThatThrownBy(() -> KeyFile.read(folder.resolve("none")))
                .hasMessageContaining("there is no such file of API keys")
                .hasMessageContaining("sluice keys create --file");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "tenant=a hash=H created=2026-01-01T00:00:00Z | :2: id= is missing",
                "id=k hash=H created=2026-01-01T00:00:00Z | :2: neither tenant= nor admin",
                "id=k tenant=a created=2026-01-01T00:00:00Z | :2: hash= is missing",
                "id=k tenant=a hash=H | :2: created= is missing",
                "id=k tenant=a hash=sha256:12 created=2026-01-01T00:00:00Z | :2: hash must be sha256: and 64",
                "id=k tenant=a hash=H created=yesterday | :2: created must be a time such as",
                "id=k tenant=a hash=H created=2026-01-01T00:00:00Z expires=never | :2: expires must be a time",
                "id=k tenant=a hash=H created=2026-01-01T00:00:00Z requests-per-minute=0 | requests-per-minute must be",
                "id=k tenant=a hash=H created=2026-01-01T00:00:00Z tenat=b | unknown \"tenat\" (did you mean tenant?)",
                "id=k tenant=a tenant=b hash=H created=2026-01-01T00:00:00Z | tenant is there twice",
                "id=k tenant=a/b hash=H created=2026-01-01T00:00:00Z | tenant \"a/b\" must be up to 64 letters",
                "id=k-k tenant=a hash=H created=2026-01-01T00:00:00Z | id must be letters and digits",
                "id=k tenant=a hash=H created=2026-01-01T00:00:00Z admin=yes | admin takes no value",
                "id=k tenant hash=H created=2026-01-01T00:00:00Z | tenant needs a value",
                "id=first tenant=a hash=H created=2026-01-01T00:00:00Z | another key with the id first"
            })
    void a_wrong_line_is_named(String line, String message) throws IOException {
        Files.writeString(
                file,
                "id=first tenant=a hash=" + HASH + " created=2026-01-01T00:00:00Z\n"
                        + line.replace("hash=H", "hash=" + HASH)
                        + "\n");
        assertThatThrownBy(() -> KeyFile.read(file))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining(message);
    }

    @Test
    void salts_differ_by_tenant_by_kind_and_by_process_and_are_stable_within_one() {
        PrefixSalts salts = new PrefixSalts(new SecureRandom());
        assertThat(salts.ofTenant("a")).isEqualTo(salts.ofTenant("a"));
        assertThat(Set.of(
                        salts.ofTenant("a"),
                        salts.ofTenant("b"),
                        salts.ofSharedPrefix("a"),
                        new PrefixSalts(new SecureRandom()).ofTenant("a")))
                .hasSize(4);
    }

    private static KeyStore.Wish wish(String tenant) {
        return new KeyStore.Wish(Optional.of(tenant), Optional.empty(), QuotaLimits.NONE, false);
    }

    private static String tenantOf(KeyRing.Check check) {
        return check instanceof KeyRing.Check.Valid(ApiKey key) ? key.tenant().orElse("") : check.toString();
    }
}

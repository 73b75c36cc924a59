package io.sluice.server.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.server.settings.ConfigText;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A million tenants and keys fit the heap that tests have, twice over: a reload holds the old ones and the new ones.
class PolicySizeTest {
    private static final int MILLION = 1_000_000;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void a_million_tenants_are_read_told_apart_and_compared() throws IOException {
        ConfigText file = new ConfigText.FromFile(tenants(MILLION));
        Policy before = PolicyFile.read(file);
        Policy after = PolicyFile.read(file);
        assertThat(before.tenants()).hasSize(MILLION);
        assertThat(before.terms("tenant-0000007").weight()).isEqualTo(8);
        assertThat(before.terms("tenant-0999999").limits().requestsPerMinute()).isEqualTo(60);
        assertThat(PolicyChanges.between(before, after).isEmpty()).isTrue();
        PolicyChanges all = PolicyChanges.between(before, Policy.USUAL);
        assertThat(all.total()).isEqualTo(MILLION);
        assertThat(all.listed()).hasSize(PolicyChanges.LISTED_MAX);
    }

    @Test
    void one_tenant_too_many_is_refused_with_its_line() throws IOException {
        Path file = tenants(Policy.TENANTS_MAX + 1);
        assertThatThrownBy(() -> PolicyFile.read(new ConfigText.FromFile(file)))
                .hasMessageContaining(
                        ":" + (Policy.TENANTS_MAX + 3) + ": policy.tenants lists more than 1048576 tenants");
    }

    @Test
    void a_million_keys_of_as_many_tenants_are_read_and_found() throws IOException {
        Path file = folder.resolve("keys");
        String secret = "sk-sluice-k500000-secret";
        try (BufferedWriter lines = Files.newBufferedWriter(file)) {
            for (int i = 0; i < MILLION; i++) {
                String text = i == 500_000 ? secret : "sk-sluice-k" + i + "-x";
                lines.write(
                        "id=k" + i + " tenant=t" + i + " hash=" + KeyHash.of(text) + " created=2026-01-01T00:00:00Z\n");
            }
        }
        KeyRing before = KeyFile.read(file);
        KeyRing after = KeyFile.read(file);
        assertThat(before.keys()).hasSize(MILLION);
        KeyRing.Check check = after.check(secret, Instant.EPOCH);
        assertThat(check)
                .isInstanceOfSatisfying(
                        KeyRing.Check.Valid.class,
                        valid -> assertThat(valid.key().tenant()).contains("t500000"));
        assertThat(PolicyChanges.between(Policy.USUAL.with(Optional.of(before)), Policy.USUAL.with(Optional.of(after)))
                        .isEmpty())
                .isTrue();
    }

    private Path tenants(int count) throws IOException {
        Path file = folder.resolve("sluice.yaml");
        try (BufferedWriter lines = Files.newBufferedWriter(file)) {
            lines.write("policy:\n  tenants:\n");
            for (int i = 0; i < count; i++) {
                lines.write("    tenant-%07d: {class: batch, weight: %d, requests-per-minute: 60}\n"
                        .formatted(i, 1 + i % 100));
            }
        }
        return file;
    }
}

package io.sluice.server;

import io.sluice.server.policy.KeyStore;
import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.SettingsSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The files of a test: keys, made as `sluice keys` makes them, and a policy, which can be rewritten while a server
/// runs.
final class Tenants {
    final Path keys;
    final Path config;
    private final KeyStore store;
    private final Map<String, String> flags = new HashMap<>();

    Tenants(Path folder) {
        keys = folder.resolve("keys");
        config = folder.resolve("sluice.yaml");
        store = new KeyStore(keys);
        flags.put("api-keys-file", keys.toString());
        policy("{}");
    }

    /// Writes the policy.
    Tenants policy(String yaml) {
        return file("policy: " + yaml + "\n");
    }

    /// Writes the whole file.
    Tenants file(String text) {
        try {
            Files.writeString(config, text);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return this;
    }

    Tenants with(String setting, String text) {
        flags.put(setting, text);
        return this;
    }

    /// Makes a key.
    ///
    /// @return its secret
    String key(String tenant) {
        return key(Optional.of(tenant), QuotaLimits.NONE, false);
    }

    String key(String tenant, QuotaLimits limits) {
        return key(Optional.of(tenant), limits, false);
    }

    String adminKey() {
        return key(Optional.empty(), QuotaLimits.NONE, true);
    }

    String expiredKey(String tenant) {
        return key(tenant, Instant.now().minusSeconds(1));
    }

    String key(String tenant, Instant expires) {
        return store.create(
                        new KeyStore.Wish(Optional.of(tenant), Optional.of(expires), QuotaLimits.NONE, false), expires)
                .text();
    }

    private String key(Optional<String> tenant, QuotaLimits limits, boolean admin) {
        return store.create(new KeyStore.Wish(tenant, Optional.empty(), limits, admin), Instant.now())
                .text();
    }

    /// The public part of a secret.
    static String idOf(String secret) {
        return secret.split("-", -1)[2];
    }

    void revoke(String secret) {
        store.revoke(idOf(secret), Instant.now());
    }

    SettingsSource source() {
        return new SettingsSource(flags, Optional.of(new ConfigText.FromFile(config)), Map.of());
    }

    TestServer start() {
        return TestServer.start(TestServer.Options.usual().withSource(source()));
    }
}

package io.sluice.server.policy;

import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;

/// All API keys that are accepted, by id. A value; any thread.
public final class KeyRing {

    /// The most keys of a server: about 300 megabytes of them.
    public static final int KEYS_MAX = 1 << 20;

    private final Map<String, ApiKey> byId;

    KeyRing(Map<String, ApiKey> byId) {
        this.byId = Collections.unmodifiableMap(byId);
    }

    /// Whose key a client sent. A value.
    public sealed interface Check {
        record Valid(ApiKey key) implements Check {}

        /// It was right, until then.
        record Expired(ApiKey key) implements Check {}

        record Unknown() implements Check {}
    }

    /// Looks up by the public id and compares in constant time; an unknown id costs the same comparison.
    public Check check(String sent, Instant now) {
        Optional<ApiKey> key = KeySecret.parse(sent).flatMap(secret -> get(secret.id()));
        KeyHash expected = key.map(ApiKey::hash).orElse(KeyHash.OF_NOBODY);
        boolean matches = KeyHash.of(sent).matches(expected);
        if (key.isEmpty() || !matches) return new Check.Unknown();
        return key.get().isExpired(now) ? new Check.Expired(key.get()) : new Check.Valid(key.get());
    }

    public Optional<ApiKey> get(String id) {
        return Optional.ofNullable(byId.get(id));
    }

    /// True if the key is not on this ring any more, or has another secret.
    public boolean revokes(ApiKey key) {
        ApiKey now = byId.get(key.id());
        return now == null || !now.hash().matches(key.hash());
    }

    public Collection<ApiKey> keys() {
        return byId.values();
    }

    Map<String, ApiKey> byId() {
        return byId;
    }
}

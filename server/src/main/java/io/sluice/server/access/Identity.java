package io.sluice.server.access;

import io.helidon.webserver.http.ServerRequest;
import io.sluice.server.policy.ApiKey;
import io.sluice.server.policy.KeyRing;
import io.sluice.server.policy.Policy;
import java.time.Instant;
import java.util.Optional;

/// Who sent a request, as its key says and nothing else. A value.
///
/// @param inForce the policy that holds for the request
/// @param key empty where nobody needs one
/// @param tenant empty for a key that serves administration alone
public record Identity(PolicyInForce.Snapshot inForce, Optional<ApiKey> key, Optional<String> tenant) {

    static Identity anonymous(PolicyInForce.Snapshot inForce) {
        return new Identity(inForce, Optional.empty(), Optional.of(Policy.ANONYMOUS));
    }

    static Identity of(PolicyInForce.Snapshot inForce, ApiKey key) {
        return new Identity(inForce, Optional.of(key), key.tenant());
    }

    /// Of a key that was let in before.
    ///
    /// @return empty if it is not accepted any more
    public static Optional<Identity> ofKey(PolicyInForce.Snapshot inForce, Optional<String> keyId, Instant now) {
        Optional<KeyRing> ring = inForce.policy().keys();
        if (ring.isEmpty()) return keyId.isEmpty() ? Optional.of(anonymous(inForce)) : Optional.empty();
        return keyId.flatMap(ring.get()::get).filter(key -> !key.isExpired(now)).map(key -> of(inForce, key));
    }

    /// Of the request, once the filter has let it in.
    public static Identity of(ServerRequest request) {
        return request.context().get(Identity.class).orElseThrow();
    }

    /// Where there are no keys, whoever reaches this machine from within may administrate.
    public boolean isAdmin() {
        return key.isEmpty() || key.get().admin();
    }
}

package io.sluice.server.openai;

import io.helidon.webserver.http.ServerRequest;
import io.sluice.server.access.Identity;
import io.sluice.server.policy.ApiKey;

/// Says whose a request is, by what the server itself found out about it: streams are kept for their owner alone. Any
/// thread.
@FunctionalInterface
public interface StreamOwners {

    /// Everybody, where nobody has a name.
    String ANYBODY = "";

    /// Of whoever holds its key.
    StreamOwners BY_KEY = request -> Identity.of(request).key().map(ApiKey::id).orElse(ANYBODY);

    /// A name that no other owner has, or `ANYBODY`.
    String ownerOf(ServerRequest request);
}

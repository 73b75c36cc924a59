package io.sluice.server.access;

import java.util.Map;
import java.util.Optional;

/// What a request's body says of how it is to be served and remembered: less than its tenant is promised, never more. A
/// value.
///
/// @param serviceTier a class, by OpenAI's name or the policy's
/// @param cacheSalt shares blocks only with requests of the same tenant that name the same
/// @param labels what the record of the request is to hold besides
public record BodyWishes(Optional<String> serviceTier, Optional<String> cacheSalt, Labels labels) {
    public static final BodyWishes NONE = new BodyWishes(Optional.empty(), Optional.empty(), Labels.NONE);

    /// What a client calls a request, for whoever reads the records: it changes nothing.
    ///
    /// @param user whom the client says it asks for
    public record Labels(Optional<String> user, Map<String, String> metadata) {
        public static final Labels NONE = new Labels(Optional.empty(), Map.of());

        public Labels {
            metadata = Map.copyOf(metadata);
        }
    }
}

package io.sluice.server.openai;

import io.sluice.server.access.BodyWishes;
import io.sluice.server.http.ApiError;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The fields by which a request says how it is to be served and remembered. Any thread.
public final class BodyFields {

    /// OpenAI's limits.
    private static final int METADATA_MAX = 16;

    private static final int KEY_MAX = 64;
    private static final int VALUE_MAX = 512;

    /// A name that groups requests, not a text.
    private static final int SALT_MAX = 256;

    private BodyFields() {}

    static BodyWishes wishes(Fields fields) {
        Optional<String> salt = Optional.ofNullable(fields.string("cache_salt"));
        if (salt.filter(text -> text.isEmpty() || text.length() > SALT_MAX).isPresent()) {
            throw ApiError.invalid("cache_salt", "cache_salt must have 1 to " + SALT_MAX + " characters.");
        }
        return new BodyWishes(
                Optional.ofNullable(fields.string("service_tier")),
                salt,
                new BodyWishes.Labels(Optional.ofNullable(fields.string("user")), metadata(fields)));
    }

    /// What a client wants to find again; little enough to be kept.
    ///
    /// @throws ApiError if it is more than that
    public static Map<String, String> metadata(Fields fields) {
        Fields given = fields.object("metadata");
        if (given == null) return Map.of();
        if (given.values().size() > METADATA_MAX) {
            throw ApiError.invalid(
                    "metadata",
                    "metadata holds " + given.values().size() + " pairs; at most " + METADATA_MAX + " are allowed.");
        }
        Map<String, String> metadata = new HashMap<>();
        for (String key : given.values().keySet()) {
            String value = given.string(key);
            if (value == null) continue;
            if (key.length() > KEY_MAX || value.length() > VALUE_MAX) {
                throw ApiError.invalid(
                        "metadata",
                        "metadata takes keys of up to " + KEY_MAX + " and values of up to " + VALUE_MAX
                                + " characters.");
            }
            metadata.put(key, value);
        }
        return metadata;
    }
}

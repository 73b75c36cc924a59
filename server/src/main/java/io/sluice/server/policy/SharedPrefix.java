package io.sluice.server.policy;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// A beginning of prompts whose computed blocks several tenants may share, because the operator says so. A value.
///
/// @param tenants who may share it; empty for all
public record SharedPrefix(String name, Content content, Optional<Set<String>> tenants) {

    /// What the prompts begin with. A value.
    public sealed interface Content {
        String text();

        /// Conversations that begin with this system message.
        record SystemMessage(String text) implements Content {}

        /// Prompts of `/v1/completions` that begin with this text.
        record PlainText(String text) implements Content {}
    }

    /// What may be shown of it: the text may be a secret of those who share it.
    Map<String, String> fields() {
        String kind = content instanceof Content.SystemMessage ? "system" : "text";
        String text = content.text().length() + " characters, "
                + KeyHash.of(content.text()).beginning();
        return Map.of(
                kind,
                text,
                "tenants",
                tenants.map(names -> String.join(",", new TreeSet<>(names))).orElse("all"));
    }

    public boolean isOpenTo(String tenant) {
        return tenants.isEmpty() || tenants.get().contains(tenant);
    }
}

package io.sluice.server.quota;

import java.util.Locale;

/// Which limit refused a request.
public enum QuotaLimit {
    REQUESTS_PER_MINUTE,
    TOKENS_PER_MINUTE,
    MAX_CONCURRENT;

    /// As clients and metrics call it.
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// As people and policy files call it.
    String words() {
        return switch (this) {
            case REQUESTS_PER_MINUTE -> "requests per minute";
            case TOKENS_PER_MINUTE -> "tokens per minute";
            case MAX_CONCURRENT -> "concurrent requests";
        };
    }
}

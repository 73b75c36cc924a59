package io.sluice.server.policy;

import io.sluice.batching.InvalidPolicy;
import java.util.LinkedHashMap;
import java.util.Map;

/// What the requests of a class cost. A value.
///
/// @param currency three letters
/// @param millionPromptTokens a million prompt tokens that were computed; cached ones have a price of their own
public record Rates(
        String currency,
        double millionPromptTokens,
        double millionCachedTokens,
        double millionOutputTokens,
        double deviceHour,
        double kvBlockHour) {
    private static final double MILLION = 1e6;
    private static final double HOUR_NS = 3600e9;

    /// Dearer than anything in any currency, and so little that costs stay numbers.
    private static final double PRICE_MAX = 999_999_999;

    static final String PROMPT = "per-million-prompt-tokens";
    static final String CACHED = "per-million-cached-tokens";
    static final String OUTPUT = "per-million-output-tokens";
    static final String DEVICE = "per-device-hour";
    static final String BLOCK = "per-kv-block-hour";

    public Rates {
        requirePrice(PROMPT, millionPromptTokens);
        requirePrice(CACHED, millionCachedTokens);
        requirePrice(OUTPUT, millionOutputTokens);
        requirePrice(DEVICE, deviceHour);
        requirePrice(BLOCK, kvBlockHour);
    }

    private static void requirePrice(String field, double price) {
        if (price >= 0 && price <= PRICE_MAX) return;
        throw new InvalidPolicy(
                field, "must be between 0 and " + PolicyText.number(PRICE_MAX) + ", got " + PolicyText.number(price));
    }

    /// What tokens cost.
    ///
    /// @param cached of the prompt's, found in the prefix cache
    public double ofTokens(long prompt, long cached, long output) {
        return ((prompt - cached) * millionPromptTokens + cached * millionCachedTokens + output * millionOutputTokens)
                / MILLION;
    }

    /// What the device's time and its memory cost.
    public double ofDevice(long deviceNs, long blockNs) {
        return (deviceNs * deviceHour + blockNs * kvBlockHour) / HOUR_NS;
    }

    Map<String, String> fields() {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("currency", currency);
        fields.put(PROMPT, PolicyText.number(millionPromptTokens));
        fields.put(CACHED, PolicyText.number(millionCachedTokens));
        fields.put(OUTPUT, PolicyText.number(millionOutputTokens));
        fields.put(DEVICE, PolicyText.number(deviceHour));
        fields.put(BLOCK, PolicyText.number(kvBlockHour));
        return fields;
    }
}

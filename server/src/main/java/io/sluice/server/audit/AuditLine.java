package io.sluice.server.audit;

import io.sluice.server.http.JsonText;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// One line of the audit log: JSON whose last field seals everything before it, the seal of the line before included. A
/// value.
///
/// @param sequence of the line, counted from 1
/// @param before seal of the line before
/// @param hash its own seal
record AuditLine(String text, long sequence, String before, String hash) {

    /// The seal before the first line.
    static final String BEGINNING = "0".repeat(64);

    private static final String HASH = ",\"hash\":\"";

    /// A line may hold characters that end lines elsewhere, such as U+2028 in a user's name.
    private static final Pattern FORM = Pattern.compile(
            "\\{\"seq\":(\\d{1,18}),\"prev\":\"([0-9a-f]{64})\",.*,\"hash\":\"([0-9a-f]{64})\"}", Pattern.DOTALL);

    static AuditLine make(AuditKey key, Link after, Instant at, String kind, Map<String, Object> fields) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("seq", after.sequence() + 1);
        all.put("prev", after.hash());
        all.put("at", at);
        all.put("kind", kind);
        all.putAll(fields);
        String json = new String(JsonText.of(all), StandardCharsets.UTF_8).strip();
        String body = json.substring(0, json.length() - 1);
        String hash = key.seal(body);
        return new AuditLine(body + HASH + hash + "\"}", after.sequence() + 1, after.hash(), hash);
    }

    /// Empty if it has not the form of a line.
    static Optional<AuditLine> parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) return Optional.empty();
        return Optional.of(new AuditLine(text, Long.parseLong(form.group(1)), form.group(2), form.group(3)));
    }

    boolean isSealedBy(AuditKey key) {
        return key.seal(text.substring(0, text.length() - HASH.length() - hash.length() - 2))
                .equals(hash);
    }

    Link link() {
        return new Link(sequence, hash);
    }

    /// The end of a chain. A value.
    record Link(long sequence, String hash) {
        static final Link START = new Link(0, BEGINNING);
    }
}

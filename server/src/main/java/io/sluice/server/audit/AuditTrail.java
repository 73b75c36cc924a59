package io.sluice.server.audit;

import io.sluice.modelstore.Tokenizer;
import io.sluice.server.admin.PolicyReload;
import io.sluice.server.admin.RequestView;
import io.sluice.server.policy.PolicyChanges;
import io.sluice.server.records.Contents;
import io.sluice.server.records.RequestLog;
import io.sluice.server.records.RequestRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;

/// Decides what the audit log holds: a line for each request, whatever became of it, and one for each change of the
/// policy. Any thread; what takes time is done on the log's.
public final class AuditTrail implements RequestLog.Audience, PolicyReload.Audience, AutoCloseable {
    private static final String REDACTED = "[redacted]";

    private final AuditLog log;
    private final Rules rules;
    private final Subject subject;

    /// What becomes of prompts and outputs.
    public enum Content {
        /// Nothing is kept of them.
        NONE,
        /// Their seals: equal texts have equal ones.
        HASH,
        /// They themselves, for whoever has the key.
        ENCRYPTED
    }

    /// What is kept of texts. A value.
    ///
    /// @param redact what is replaced in all texts, before they are encrypted
    public record Rules(Content content, Optional<Pattern> redact, AuditKey key) {}

    /// What answers. A value.
    ///
    /// @param weights the hash of the model's files
    public record Subject(String model, String weights, Tokenizer tokenizer) {}

    /// @param start told of the process's start
    public AuditTrail(AuditLog log, Rules rules, Subject subject, Map<String, Object> start) {
        this.log = log;
        this.rules = rules;
        this.subject = subject;
        Map<String, Object> fields = new LinkedHashMap<>(start);
        fields.put("model", subject.model());
        fields.put("weights", subject.weights());
        log.offer("start", fields);
    }

    @Override
    public boolean wantsContents() {
        return rules.content() != Content.NONE;
    }

    @Override
    public void ended(RequestRecord record, Contents contents) {
        log.offer("request", contents.bytes(), () -> fields(record, contents));
    }

    private Map<String, Object> fields(RequestRecord record, Contents contents) {
        Map<String, Object> told = RequestView.told(record);
        told.replace("user", record.details().flatMap(RequestRecord.Asked::user).map(this::redacted));
        record.details().ifPresent(details -> told.replace("metadata", redacted(details.metadata())));
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("model", subject.model());
        fields.put("weights", subject.weights());
        fields.putAll(told);
        switch (rules.content()) {
            case NONE -> {}
            case HASH -> {
                fields.put("prompt_hashes", texts(contents.prompts(), rules.key()::seal));
                fields.put("output_hashes", texts(contents.outputs(), rules.key()::seal));
            }
            case ENCRYPTED -> {
                fields.put(
                        "prompts_encrypted",
                        texts(contents.prompts(), text -> rules.key().encrypt(redacted(text))));
                fields.put(
                        "outputs_encrypted",
                        texts(contents.outputs(), text -> rules.key().encrypt(redacted(text))));
            }
        }
        return fields;
    }

    private List<String> texts(List<int[]> tokens, Function<String, String> form) {
        return tokens.stream()
                .map(ids -> form.apply(subject.tokenizer().decode(ids)))
                .toList();
    }

    private Map<String, String> redacted(Map<String, String> labels) {
        Map<String, String> all = new LinkedHashMap<>();
        labels.forEach((name, value) -> all.put(redacted(name), redacted(value)));
        return all;
    }

    private String redacted(String text) {
        return rules.redact()
                .map(pattern -> pattern.matcher(text).replaceAll(REDACTED))
                .orElse(text);
    }

    @Override
    public void reloaded(PolicyReload.Outcome outcome) {
        log.offer("policy", 0, () -> {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("changes_total", outcome.changes().total());
            fields.put(
                    "changes",
                    outcome.changes().listed().stream()
                            .map(PolicyChanges.Change::toString)
                            .toList());
            fields.put("revoked_keys", outcome.changes().revoked());
            fields.put("ended_requests", outcome.endedRequests());
            return fields;
        });
    }

    /// Says so, and writes what is left.
    @Override
    public void close() {
        log.offer("stop", Map.of());
        log.close();
    }
}

package io.sluice.server;

import io.sluice.server.audit.AuditKey;
import io.sluice.server.audit.AuditLog;
import io.sluice.server.audit.AuditTrail;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.settings.ServerSettings;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Puts the audit log together. One thread.
final class Auditing {
    private Auditing() {}

    /// Begins the log, or goes on with it; nothing without a folder for it.
    ///
    /// @param weights hashes the model
    /// @throws io.sluice.server.audit.AuditUnusable if it cannot be kept
    static Optional<AuditTrail> start(
            ServerSettings.Audit settings, ServedModel model, Supplier<String> weights, ServerMetrics metrics) {
        return settings.folder().map(folder -> {
            AuditKey key = settings.keyFile().map(AuditKey::read).orElse(AuditKey.NONE);
            AuditTrail.Content content =
                    AuditTrail.Content.valueOf(settings.content().toUpperCase(Locale.ROOT));
            AuditTrail.Subject subject = new AuditTrail.Subject(model.name(), weights.get(), model.tokenizer());
            AuditLog log = AuditLog.open(
                    folder,
                    key,
                    new AuditLog.Limits(settings.fileBytesMax(), settings.retention()),
                    InstantSource.system());
            metrics.observe(log);
            Map<String, Object> start = new LinkedHashMap<>();
            start.put("version", Version.TEXT);
            start.put("content", settings.content());
            return new AuditTrail(log, new AuditTrail.Rules(content, settings.redact(), key), subject, start);
        });
    }
}

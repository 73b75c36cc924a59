package io.sluice.server.policy;

import io.sluice.server.policy.SharedPrefix.Content;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The fields of one shared prefix while they are read. One thread.
final class PrefixFields {
    static final List<String> NAMES = List.of("system", "system-file", "text", "text-file", "tenants");

    /// Far more than any model's context.
    private static final int TEXT_MAX = 1 << 22;

    private final String name;
    private @Nullable Content content;
    private @Nullable Set<String> tenants;

    PrefixFields(String name) {
        this.name = name;
    }

    void take(String field, FieldReader reader) {
        if (field.equals("tenants")) {
            tenants = new LinkedHashSet<>(reader.texts(field));
            return;
        }
        if (content != null) throw reader.wrong("must have one of system, system-file, text and text-file, not two");
        String text = reader.text(field);
        String whole = field.endsWith("-file") ? file(field, text, reader) : text;
        if (whole.isEmpty() || whole.length() > TEXT_MAX) {
            throw reader.wrong(field + " must hold between 1 and " + TEXT_MAX + " characters");
        }
        content = field.startsWith("system") ? new Content.SystemMessage(whole) : new Content.PlainText(whole);
    }

    private static String file(String field, String path, FieldReader reader) {
        try {
            return Files.readString(Path.of(path));
        } catch (IOException e) {
            throw reader.wrong(field + " cannot be read: " + e);
        }
    }

    SharedPrefix made(FieldReader reader) {
        if (content == null) throw reader.wrong("needs one of system, system-file, text and text-file");
        if (tenants == null) throw reader.wrong("needs tenants: a list of names, or all");
        if (tenants.contains("all")) {
            if (tenants.size() > 1) throw reader.wrong("lists tenants beside all");
            return new SharedPrefix(name, content, Optional.empty());
        }
        for (String tenant : tenants) {
            String problem = Names.tenantProblem(tenant);
            if (!problem.isEmpty()) throw reader.wrong("lists a tenant \"" + tenant + "\": a name " + problem);
        }
        return new SharedPrefix(name, content, Optional.of(Set.copyOf(tenants)));
    }
}

package io.sluice.server.policy;

import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.settings.NearestName;
import io.sluice.server.settings.SettingsException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/// The file of API keys, read: one key per line, as `name=value` and words; `#` begins a comment. Any thread.
public final class KeyFile {
    private static final List<String> NAMES =
            List.of("id", "tenant", "hash", "created", "expires", "requests-per-minute", "tokens-per-minute", "admin");

    private final Path path;
    private final Map<String, ApiKey> byId = new HashMap<>();
    private final Map<String, String> tenants = new HashMap<>(); // so that each name is kept once
    private int line;

    private KeyFile(Path path) {
        this.path = path;
    }

    /// The keys that a file holds now.
    ///
    /// @throws SettingsException naming file and line
    public static KeyRing read(Path path) {
        return new KeyFile(path).read();
    }

    private KeyRing read() {
        try (BufferedReader lines = Files.newBufferedReader(path)) {
            for (String text = lines.readLine(); text != null; text = lines.readLine()) {
                line++;
                if (!isEmpty(text)) add(key(text));
            }
        } catch (NoSuchFileException e) {
            throw new SettingsException(
                    path + ": there is no such file of API keys; `./sluice keys create --file " + path + "` makes one");
        } catch (MalformedInputException e) {
            throw new SettingsException(path + ":" + (line + 1) + ": is no text");
        } catch (IOException e) {
            throw new SettingsException(path + ": cannot be read: " + e.getMessage());
        }
        return new KeyRing(byId);
    }

    /// True if there is nothing in the file, not even a comment.
    public static boolean isBlank(Path path) {
        try (Stream<String> lines = Files.lines(path)) {
            return lines.allMatch(String::isBlank);
        } catch (IOException | UncheckedIOException e) {
            throw new SettingsException(path + " cannot be read: " + e);
        }
    }

    static boolean isEmpty(String line) {
        return line.isBlank() || line.stripLeading().startsWith("#");
    }

    private void add(ApiKey key) {
        if (byId.put(key.id(), key) != null) throw wrong("there is another key with the id " + key.id());
        if (byId.size() > KeyRing.KEYS_MAX) throw wrong("more than " + KeyRing.KEYS_MAX + " keys");
    }

    private ApiKey key(String text) {
        Map<String, String> fields = fields(text);
        QuotaLimits limits = fields.containsKey("requests-per-minute") || fields.containsKey("tokens-per-minute")
                ? new QuotaLimits(
                        perMinute(fields, "requests-per-minute"),
                        perMinute(fields, "tokens-per-minute"),
                        QuotaLimits.UNLIMITED)
                : QuotaLimits.NONE;
        try {
            return new ApiKey(
                    field(fields, "id", Function.identity()),
                    Optional.ofNullable(fields.get("tenant")).map(name -> tenants.computeIfAbsent(name, it -> it)),
                    field(fields, "hash", KeyHash::parse),
                    field(fields, "created", KeyFile::instant),
                    fields.containsKey("expires")
                            ? Optional.of(field(fields, "expires", KeyFile::instant))
                            : Optional.empty(),
                    limits,
                    fields.containsKey("admin"));
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
    }

    private Map<String, String> fields(String text) {
        Map<String, String> fields = new HashMap<>();
        for (String word : text.strip().split("\\s+", -1)) {
            int equals = word.indexOf('=');
            String name = equals < 0 ? word : word.substring(0, equals);
            if (!NAMES.contains(name)) throw wrong("unknown \"" + name + "\"" + NearestName.hint(name, NAMES));
            if (name.equals("admin") != equals < 0) {
                throw wrong(name.equals("admin") ? "admin takes no value" : name + " needs a value: " + name + "=...");
            }
            if (fields.put(name, word.substring(equals + 1)) != null) throw wrong(name + " is there twice");
        }
        return fields;
    }

    private <T> T field(Map<String, String> fields, String name, Function<String, T> parse) {
        String text = fields.get(name);
        if (text == null) throw wrong(name + "= is missing");
        try {
            return parse.apply(text);
        } catch (IllegalArgumentException e) {
            throw wrong(name + " " + e.getMessage());
        }
    }

    private int perMinute(Map<String, String> fields, String name) {
        if (!fields.containsKey(name)) return QuotaLimits.UNLIMITED;
        return field(fields, name, KeyFile::count);
    }

    private static int count(String text) {
        try {
            int count = Integer.parseInt(text);
            if (count >= 1 && count <= QuotaLimits.PER_MINUTE_MAX) return count;
        } catch (NumberFormatException e) {
            // Said below, together with what would be right.
        }
        throw new IllegalArgumentException(
                "must be a whole number from 1 to " + QuotaLimits.PER_MINUTE_MAX + ", got \"" + text + "\"");
    }

    private static Instant instant(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("must be a time such as 2027-01-31T00:00:00Z, got \"" + text + "\"", e);
        }
    }

    private SettingsException wrong(String problem) {
        return new SettingsException(path + ":" + line + ": " + problem);
    }

    /// The key as a line of the file.
    static String line(ApiKey key) {
        List<String> words = new ArrayList<>();
        words.add("id=" + key.id());
        key.tenant().ifPresent(name -> words.add("tenant=" + name));
        words.add("hash=" + key.hash());
        words.add("created=" + key.created());
        key.expires().ifPresent(time -> words.add("expires=" + time));
        Map<String, String> limits = new LinkedHashMap<>();
        PolicyText.putLimits(limits, key.limits());
        limits.forEach((name, value) -> words.add(name + "=" + value));
        if (key.admin()) words.add("admin");
        return String.join(" ", words);
    }
}

package io.sluice.server.policy;

import io.sluice.batching.InvalidPolicy;
import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.settings.Kind;
import io.sluice.server.settings.NearestName;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.YamlReader;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/// Takes the fields of one mapping of the policy, and turns whatever is wrong with them into an error that names file,
/// line and field. One thread.
final class FieldReader {
    private static final Duration TIME_MAX = Duration.ofDays(365);

    private final YamlReader yaml;
    private final String path;
    private final int line; // where the mapping's name stands

    /// @param path of the mapping, such as `policy.tenants.acme`
    FieldReader(YamlReader yaml, String path) {
        this.yaml = yaml;
        this.path = path;
        this.line = yaml.line();
    }

    /// Takes the mapping.
    ///
    /// @param known its possible fields
    /// @param take is given each name once, and must take the value that follows
    void fields(List<String> known, Consumer<String> take) {
        Set<String> seen = new HashSet<>();
        yaml.mapping("fields of " + path + ", each `name: value`", name -> {
            if (!known.contains(name)) {
                throw yaml.wrong(path + " has no field \"" + name + "\"" + NearestName.hint(name, known));
            }
            if (!seen.add(name)) throw yaml.wrong(path + "." + name + " is there twice");
            take.accept(name);
        });
    }

    int count(String name, int least, int most) {
        return value(name, new Kind.Count(least, most)::parse);
    }

    int limit(String name, int most) {
        return count(name, 1, most);
    }

    int perMinute(String name) {
        return limit(name, QuotaLimits.PER_MINUTE_MAX);
    }

    boolean flag(String name) {
        return value(name, new Kind.Flag()::parse);
    }

    Duration time(String name) {
        return value(name, text -> {
            Duration time = new Kind.Span().parse(text);
            if (time.compareTo(TIME_MAX) > 0) throw new IllegalArgumentException("must be at most 365 days");
            return time;
        });
    }

    double number(String name) {
        return value(name, FieldReader::parseNumber);
    }

    /// Part of a whole: `0.5` or `50%`.
    double part(String name) {
        return value(
                name,
                text -> text.endsWith("%")
                        ? parseNumber(text.substring(0, text.length() - 1).strip()) / 100
                        : parseNumber(text));
    }

    String text(String name) {
        return yaml.scalar(path + "." + name);
    }

    /// One or several.
    List<String> texts(String name) {
        return yaml.scalars(path + "." + name);
    }

    private <T> T value(String name, Function<String, T> parse) {
        String text = text(name);
        try {
            return parse.apply(text);
        } catch (IllegalArgumentException e) {
            throw yaml.wrong(path + "." + name + " " + e.getMessage());
        }
    }

    private static double parseNumber(String text) {
        try {
            double number = Double.parseDouble(text);
            if (Double.isFinite(number)) return number;
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new IllegalArgumentException("must be a number, got \"" + text + "\"");
    }

    /// Makes a value whose constructor may find that it cannot be.
    <T> T checked(Supplier<T> make) {
        try {
            return make.get();
        } catch (InvalidPolicy e) {
            throw new SettingsException(yaml.place(line) + ": " + path + "." + e.field() + " " + e.getMessage());
        }
    }

    /// The mapping as a whole is wrong.
    SettingsException wrong(String problem) {
        return new SettingsException(yaml.place(line) + ": " + path + " " + problem);
    }
}
